# %%
import campaignkit as ck

mf = ck.sample.megafile()
invited = mf.universe("invited('host_a')")
found = ck.donors.discover_segments(
    invited, outcome="entered('host_a')", by=["region", "sex", "age_band", "education"], unit="person_id",
    distinct=False, top=40,
)  # fmt: skip
explore = ck.widgets.SegmentExplorer(found, within=invited)
explore

# %%
print(explore.readout.headline, f"{explore.universe.count():,} of")
