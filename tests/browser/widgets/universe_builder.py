# %%
import campaignkit as ck

pick = ck.widgets.UniverseBuilder(ck.sample.megafile())
pick

# %%
print(f"{pick.universe.count():,} people")
