# %%
import campaignkit as ck

people = ck.sample.draw("contest", 20_000, seed=1, host="host_a", appeal=4.0).table
score = ck.voters.fit_score(
    people, "entered", ["region", "sex", "age_band", "education"], name="enters", purpose="volunteer", unit="person"
)
look = ck.widgets.ScoreInspector(score)
look

# %%
print(f"{look.chance:.1%}")
