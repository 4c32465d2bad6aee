# %%
import campaignkit as ck

calls = ck.sample.draw("scripts", 20_000, seed=3).table
scripts = ck.experiments.analyze(
    calls, "arm", "supports_after", control="control", cluster="household", sequence="asked_on"
)
sent = ck.sample.draw("email", 20_000, seed=5).table
emails = ck.experiments.winners(sent, "email_id", "gave", cluster="household", recipients=100_000)
size = ck.experiments.test_and_roll(100_000, mean=sent["gave"].mean(), prior_sd=emails.spread, arms=18)
board = ck.widgets.ExperimentBoard({"Scripts by day": scripts, "E-mails": emails, "Next test": size})
board

# %%
print(board.readout.headline)
