# %%
import campaignkit as ck

pick = ck.widgets.UniverseBuilder(ck.sample.megafile())
pick

# %%
print("built:", pick.universe.count(), pick.predicates)
