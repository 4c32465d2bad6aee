"""Where to reach voters: what they watch, which channels they use, and friends who pass an ask on."""

from campaignkit.outreach.audiences import Audiences, audiences
from campaignkit.outreach.buy_plan import buy_plan
from campaignkit.outreach.buy_plan_result import BuyPlan
from campaignkit.outreach.channels import Channels, channels
from campaignkit.outreach.comparison import Comparison
from campaignkit.outreach.friend_asks import friend_asks
from campaignkit.outreach.friend_asks_result import Asks
from campaignkit.outreach.plan_sharing import SharingPlan, plan_sharing, published_effects
from campaignkit.outreach.sharing_effect import sharing_effect
from campaignkit.outreach.sharing_effect_result import SharingEffect

__all__ = [
    "Asks", "Audiences", "BuyPlan", "Channels", "Comparison", "SharingEffect", "SharingPlan", "audiences", "buy_plan",
    "channels", "friend_asks", "plan_sharing", "published_effects", "sharing_effect",
]  # fmt: skip


def __dir__() -> list[str]:
    return sorted(__all__)
