# lme4's fit of the crossed intercepts on one drawn sample, poststratified: states' shares and their errors.
#
#   python -m tests.reference.mrp RESPONSES.csv FRAME.csv
#   Rscript tests/reference/mrp.R RESPONSES.csv FRAME.csv tests/reference
#
# Debian's r-base-core with r-cran-lme4. Writes mrp_states.csv. Errors are of 1,000 draws of the coefficients given the
# standard deviations, by the Hessian of lme4's own joint mode.
suppressMessages({library(lme4); library(Matrix)})
given <- commandArgs(TRUE)
set.seed(1)
responses <- read.csv(given[1]); frame <- read.csv(given[2])
by <- c("state", "race", "age", "education", "sex")
for (name in by) {
  responses[[name]] <- factor(responses[[name]], levels = sort(unique(frame[[name]])))
  frame[[name]] <- factor(frame[[name]], levels = sort(unique(frame[[name]])))
}
started <- proc.time()
fit <- glmer(cbind(k, n - k) ~ 1 + (1 | state) + (1 | race) + (1 | age) + (1 | education) + (1 | sex),
             family = binomial, data = responses)
cat("glmer CPU seconds", (proc.time() - started)[["user.self"]], "\n")
sds <- sapply(VarCorr(fit), function(v) attr(v, "stddev"))
print(sds)
# joint mode and precision of intercept and effects, given the standard deviations
columns <- function(data) {
  blocks <- lapply(by, function(name) sparse.model.matrix(as.formula(paste("~ 0 +", name)), data))
  cbind(1, do.call(cbind, blocks))
}
X <- columns(responses)
prior <- c(1 / 25, unlist(lapply(by, function(name) rep(1 / max(sds[[paste0(name, ".(Intercept)")]], 1e-3)^2, nlevels(frame[[name]])))))
beta <- c(fixef(fit)[[1]], unlist(lapply(by, function(name) ranef(fit)[[name]][levels(frame[[name]]), 1])))
beta[is.na(beta)] <- 0
for (step in 1:10) {
  p <- plogis(as.numeric(X %*% beta))
  H <- as.matrix(crossprod(X, X * (responses$n * p * (1 - p)))) + diag(prior)
  beta <- beta + as.numeric(solve(H, crossprod(X, responses$k - responses$n * p) - prior * beta))
}
drawn <- beta + backsolve(chol(H), matrix(rnorm(length(beta) * 1000), ncol = 1000))
shares <- plogis(as.matrix(columns(frame) %*% drawn))
weighted <- rowsum(shares * frame$people, frame$state) / as.numeric(rowsum(frame$people, frame$state))
write.csv(data.frame(state = rownames(weighted), estimate = rowMeans(weighted), std_error = apply(weighted, 1, sd)),
          file.path(given[3], "mrp_states.csv"), row.names = FALSE)
cat(R.version.string, "lme4", as.character(packageVersion("lme4")), "\n")
