# R's survey on a drawn sample: raked weights, and means with the errors of raking by calibration.
#
#   python -m tests.reference.rake SAMPLE.csv TARGETS.csv
#   Rscript tests/reference/rake.R SAMPLE.csv TARGETS.csv tests/reference
#
# Debian's r-base-core with r-cran-survey. Writes rake_weights.csv and rake_means.csv.
suppressMessages(library(survey))
given <- commandArgs(TRUE)
sample <- read.csv(given[1], stringsAsFactors = TRUE)
targets <- read.csv(given[2])
names_ <- unique(targets$margin)
n <- nrow(sample)
design <- svydesign(ids = ~1, weights = ~design, data = sample)
margins <- lapply(names_, function(m) {
  rows <- targets[targets$margin == m, ]
  setNames(data.frame(rows$level, rows$share * n), c(m, "Freq"))
})
raked <- rake(design, lapply(names_, function(m) as.formula(paste0("~", m))), margins,
              control = list(maxit = 500, epsilon = 1e-9))
population <- c(`(Intercept)` = n)
for (m in names_) {
  rows <- targets[targets$margin == m, ]
  shares <- setNames(rows$share, rows$level)[levels(sample[[m]])]
  population <- c(population, setNames(shares[-1] * n, paste0(m, levels(sample[[m]])[-1])))
}
calibrated <- calibrate(design, as.formula(paste("~", paste(names_, collapse = "+"))), population,
                        calfun = "raking", epsilon = 1e-10, maxit = 200)
write.csv(data.frame(unit = sample$unit, weight = weights(raked), calibrated = weights(calibrated))[seq(1, n, 5), ],
          file.path(given[3], "rake_weights.csv"), row.names = FALSE)
by_group <- svyby(~ours, ~sex + age, calibrated, svymean)
all <- svymean(~ ours + age_years, calibrated)
fixed <- svymean(~ours, svydesign(ids = ~1, weights = weights(calibrated), data = sample))
write.csv(rbind(
  data.frame(outcome = names(all), sex = "", age = "", estimate = coef(all), std_error = as.numeric(SE(all))),
  data.frame(outcome = "ours", sex = by_group$sex, age = by_group$age, estimate = by_group$ours, std_error = by_group$se),
  data.frame(outcome = "ours, weights taken as fixed", sex = "", age = "", estimate = coef(fixed), std_error = as.numeric(SE(fixed)))
), file.path(given[3], "rake_means.csv"), row.names = FALSE)
cat(R.version.string, "survey", as.character(packageVersion("survey")), "\n")
cat("rake CPU seconds", system.time(rake(design, lapply(names_, function(m) as.formula(paste0("~", m))), margins,
    control = list(maxit = 500, epsilon = 1e-9)))[["user.self"]], "\n")
