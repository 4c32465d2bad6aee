"""Where the voters to be reached are: whose television they watch, what to buy of it, and which channels they use."""

from campaignkit.outreach.audiences import Audiences, audiences
from campaignkit.outreach.buy_plan import buy_plan
from campaignkit.outreach.buy_plan_result import BuyPlan
from campaignkit.outreach.channels import Channels, channels
from campaignkit.outreach.comparison import Comparison

__all__ = ["Audiences", "BuyPlan", "Channels", "Comparison", "audiences", "buy_plan", "channels"]
