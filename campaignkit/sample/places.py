"""Real states, counties and cities with plausible zip prefixes; populations of 2010, in thousands."""

from __future__ import annotations

from functools import cache

import polars as pl

SWING = ("OH", "NC")

# state: Census region, population, area codes, cities with their three-digit zip prefix
STATES = """
AL South 4780 205,334 Birmingham:352,Montgomery:361,Huntsville:358
AK West 710 907 Anchorage:995,Fairbanks:997
AZ West 6392 602,520 Phoenix:850,Tucson:857,Mesa:852
AR South 2916 501,479 Little_Rock:722,Fayetteville:727
CA West 37254 213,415 Los_Angeles:900,San_Diego:921,San_Francisco:941,Sacramento:958,Fresno:937
CO West 5029 303,719 Denver:802,Colorado_Springs:809
CT Northeast 3574 203,860 Hartford:061,New_Haven:065
DE South 898 302 Wilmington:198,Dover:199
DC South 602 202 Washington:200
FL South 18801 305,813 Miami:331,Tampa:336,Orlando:328,Jacksonville:322
GA South 9688 404,912 Atlanta:303,Savannah:314,Augusta:309
HI West 1360 808 Honolulu:968,Hilo:967
ID West 1568 208 Boise:837,Pocatello:832
IL Midwest 12831 312,217 Chicago:606,Springfield:627,Rockford:611
IN Midwest 6484 317,219 Indianapolis:462,Fort_Wayne:468
IA Midwest 3046 515,319 Des_Moines:503,Cedar_Rapids:524
KS Midwest 2853 316,913 Wichita:672,Topeka:666
KY South 4339 502,859 Louisville:402,Lexington:405
LA South 4533 504,225 New_Orleans:701,Baton_Rouge:708
ME Northeast 1328 207 Portland:041,Bangor:044
MD South 5774 410,301 Baltimore:212,Silver_Spring:209
MA Northeast 6548 617,413 Boston:021,Worcester:016,Springfield:011
MI Midwest 9884 313,616 Detroit:482,Grand_Rapids:495,Lansing:489
MN Midwest 5304 612,651 Minneapolis:554,Saint_Paul:551
MS South 2967 601,228 Jackson:392,Gulfport:395
MO Midwest 5989 314,816 Saint_Louis:631,Kansas_City:641
MT West 989 406 Billings:591,Missoula:598
NE Midwest 1826 402,308 Omaha:681,Lincoln:685
NV West 2701 702,775 Las_Vegas:891,Reno:895
NH Northeast 1316 603 Manchester:031,Nashua:030
NJ Northeast 8792 201,609 Newark:071,Jersey_City:073,Trenton:086
NM West 2059 505,575 Albuquerque:871,Santa_Fe:875
NY Northeast 19378 212,518 New_York:100,Brooklyn:112,Buffalo:142,Albany:122
ND Midwest 673 701 Fargo:581,Bismarck:585
OK South 3751 405,918 Oklahoma_City:731,Tulsa:741
OR West 3831 503,541 Portland:972,Eugene:974
PA Northeast 12702 215,412 Philadelphia:191,Pittsburgh:152,Allentown:181
RI Northeast 1053 401 Providence:029,Warwick:028
SC South 4625 803,843 Columbia:292,Charleston:294
SD Midwest 814 605 Sioux_Falls:571,Rapid_City:577
TN South 6346 615,901 Nashville:372,Memphis:381
TX South 25146 713,214 Houston:770,Dallas:752,San_Antonio:782,Austin:787
UT West 2764 801,435 Salt_Lake_City:841,Provo:846
VT Northeast 626 802 Burlington:054,Rutland:057
VA South 8001 703,804 Richmond:232,Norfolk:235,Arlington:222
WA West 6725 206,509 Seattle:981,Spokane:992,Tacoma:984
WV South 1853 304 Charleston:253,Huntington:257
WI Midwest 5687 414,608 Milwaukee:532,Madison:537
WY West 564 307 Cheyenne:820,Casper:826
OH Midwest 11537 614,216 -
NC South 9535 919,704 -
"""

# county:population:seat:zip prefix, in the order of the state's own county numbers (alphabetical)
OHIO = """Adams:29:West_Union:456 Allen:106:Lima:458 Ashland:53:Ashland:448 Ashtabula:101:Jefferson:440
Athens:65:Athens:457 Auglaize:46:Wapakoneta:458 Belmont:70:Saint_Clairsville:439 Brown:45:Georgetown:451
Butler:368:Hamilton:450 Carroll:29:Carrollton:446 Champaign:40:Urbana:430 Clark:138:Springfield:455
Clermont:197:Batavia:451 Clinton:42:Wilmington:451 Columbiana:108:Lisbon:444 Coshocton:37:Coshocton:438
Crawford:44:Bucyrus:448 Cuyahoga:1280:Cleveland:441 Darke:53:Greenville:453 Defiance:39:Defiance:435
Delaware:174:Delaware:430 Erie:77:Sandusky:448 Fairfield:146:Lancaster:431 Fayette:29:Washington_Court_House:431
Franklin:1163:Columbus:432 Fulton:43:Wauseon:435 Gallia:31:Gallipolis:456 Geauga:93:Chardon:440
Greene:162:Xenia:453 Guernsey:40:Cambridge:437 Hamilton:802:Cincinnati:452 Hancock:75:Findlay:458
Hardin:32:Kenton:433 Harrison:16:Cadiz:439 Henry:28:Napoleon:435 Highland:44:Hillsboro:451
Hocking:29:Logan:431 Holmes:42:Millersburg:446 Huron:60:Norwalk:448 Jackson:33:Jackson:456
Jefferson:70:Steubenville:439 Knox:61:Mount_Vernon:430 Lake:230:Painesville:440 Lawrence:62:Ironton:456
Licking:166:Newark:430 Logan:46:Bellefontaine:433 Lorain:301:Elyria:440 Lucas:442:Toledo:436
Madison:43:London:431 Mahoning:239:Youngstown:445 Marion:67:Marion:433 Medina:172:Medina:442
Meigs:24:Pomeroy:457 Mercer:41:Celina:458 Miami:103:Troy:453 Monroe:15:Woodsfield:437
Montgomery:535:Dayton:454 Morgan:15:McConnelsville:437 Morrow:35:Mount_Gilead:433 Muskingum:86:Zanesville:437
Noble:15:Caldwell:437 Ottawa:41:Port_Clinton:434 Paulding:20:Paulding:458 Perry:36:New_Lexington:437
Pickaway:56:Circleville:431 Pike:29:Waverly:456 Portage:161:Ravenna:442 Preble:42:Eaton:453
Putnam:34:Ottawa:458 Richland:124:Mansfield:449 Ross:78:Chillicothe:456 Sandusky:61:Fremont:434
Scioto:79:Portsmouth:456 Seneca:57:Tiffin:448 Shelby:49:Sidney:453 Stark:376:Canton:447
Summit:542:Akron:443 Trumbull:210:Warren:444 Tuscarawas:93:New_Philadelphia:446 Union:52:Marysville:430
Van_Wert:29:Van_Wert:458 Vinton:13:McArthur:456 Warren:213:Lebanon:450 Washington:62:Marietta:457
Wayne:115:Wooster:446 Williams:38:Bryan:435 Wood:125:Bowling_Green:434 Wyandot:23:Upper_Sandusky:433"""

CAROLINA = """Alamance:151:Graham:272 Alexander:37:Taylorsville:286 Alleghany:11:Sparta:286 Anson:27:Wadesboro:281
Ashe:27:Jefferson:286 Avery:18:Newland:286 Beaufort:48:Washington:278 Bertie:21:Windsor:279
Bladen:35:Elizabethtown:283 Brunswick:107:Bolivia:284 Buncombe:238:Asheville:288 Burke:91:Morganton:286
Cabarrus:178:Concord:280 Caldwell:83:Lenoir:286 Camden:10:Camden:279 Carteret:66:Beaufort:285
Caswell:24:Yanceyville:273 Catawba:154:Newton:286 Chatham:64:Pittsboro:273 Cherokee:27:Murphy:289
Chowan:15:Edenton:279 Clay:11:Hayesville:289 Cleveland:98:Shelby:281 Columbus:58:Whiteville:284
Craven:104:New_Bern:285 Cumberland:319:Fayetteville:283 Currituck:24:Currituck:279 Dare:34:Manteo:279
Davidson:163:Lexington:272 Davie:41:Mocksville:270 Duplin:59:Kenansville:283 Durham:268:Durham:277
Edgecombe:57:Tarboro:278 Forsyth:351:Winston-Salem:271 Franklin:61:Louisburg:275 Gaston:206:Gastonia:280
Gates:12:Gatesville:279 Graham:9:Robbinsville:287 Granville:60:Oxford:275 Greene:21:Snow_Hill:285
Guilford:488:Greensboro:274 Halifax:55:Halifax:278 Harnett:115:Lillington:275 Haywood:59:Waynesville:287
Henderson:107:Hendersonville:287 Hertford:25:Winton:279 Hoke:47:Raeford:283 Hyde:6:Swan_Quarter:278
Iredell:159:Statesville:286 Jackson:40:Sylva:287 Johnston:169:Smithfield:275 Jones:10:Trenton:285
Lee:58:Sanford:273 Lenoir:59:Kinston:285 Lincoln:78:Lincolnton:280 Macon:34:Franklin:287
Madison:21:Marshall:287 Martin:24:Williamston:278 McDowell:45:Marion:287 Mecklenburg:920:Charlotte:282
Mitchell:16:Bakersville:287 Montgomery:28:Troy:273 Moore:88:Carthage:283 Nash:96:Nashville:278
New_Hanover:203:Wilmington:284 Northampton:22:Jackson:278 Onslow:178:Jacksonville:285 Orange:134:Hillsborough:272
Pamlico:13:Bayboro:285 Pasquotank:41:Elizabeth_City:279 Pender:52:Burgaw:284 Perquimans:13:Hertford:279
Person:39:Roxboro:275 Pitt:168:Greenville:278 Polk:21:Columbus:287 Randolph:142:Asheboro:272
Richmond:47:Rockingham:283 Robeson:134:Lumberton:283 Rockingham:94:Wentworth:273 Rowan:138:Salisbury:281
Rutherford:68:Rutherfordton:281 Sampson:63:Clinton:283 Scotland:36:Laurinburg:283 Stanly:61:Albemarle:280
Stokes:47:Danbury:270 Surry:74:Dobson:270 Swain:14:Bryson_City:287 Transylvania:33:Brevard:287
Tyrrell:4:Columbia:279 Union:201:Monroe:281 Vance:45:Henderson:275 Wake:901:Raleigh:276
Warren:21:Warrenton:275 Washington:13:Plymouth:279 Watauga:51:Boone:286 Wayne:123:Goldsboro:275
Wilkes:69:Wilkesboro:286 Wilson:81:Wilson:278 Yadkin:38:Yadkinville:270 Yancey:18:Burnsville:287"""

STREETS = """Main Oak Maple Elm Washington Lincoln Park Cedar Pine Walnut Church Chestnut Spring Mill Center High
Jackson Franklin Jefferson Adams Madison Monroe Cherry Locust Hickory Dogwood Magnolia Sycamore Willow Birch Ridge
Hill Lake River Forest Meadow Sunset Highland Broad Market Union Court Liberty Water Front Vine Mulberry Poplar
Laurel Rose Grant Sherman Harrison Tyler Polk Wilson Cleveland Hayes Garfield Harding Fairview Woodland Valley
Orchard Country_Club Old_Mill Stone_Creek Deer_Run Fox_Hollow Eagle_Point Quail_Ridge Timber_Lane Briarwood
Brookside Cambridge Canterbury Carriage Chapel Clearview Colonial Crestview Devonshire Edgewood Evergreen Fairway
Glenwood Greenbriar Hampton Heather Hillcrest Holly Indian_Trail Juniper Kensington Lakeview Lexington Linden
Maplewood Northwood Oakwood Parkview Peachtree Plum Princeton Raleigh Richmond Riverside Rosewood Salem Scott
Shady_Lane Somerset Stratford Summit Sunrise Sycamore_Hill Terrace Victoria Walden Warwick Wellington Westwood
Wildwood Windsor Winchester Woodlawn York"""

STREET_NAMES = [word.replace("_", " ") for word in STREETS.split()]
# written short, written long; the first few are the common ones
STREET_TYPES = [
    ("St", "Street"),
    ("Ave", "Avenue"),
    ("Rd", "Road"),
    ("Dr", "Drive"),
    ("Ln", "Lane"),
    ("Ct", "Court"),
    ("Blvd", "Boulevard"),
    ("Pl", "Place"),
    ("Cir", "Circle"),
    ("Way", "Way"),
]
DIRECTIONS = [("", ""), ("N", "North"), ("S", "South"), ("E", "East"), ("W", "West")]


@cache
def states() -> pl.DataFrame:
    """Return one row per state: code, region, people (thousands) and area codes."""
    rows = [line.split() for line in STATES.strip().splitlines()]
    return pl.DataFrame(
        {
            "state": [row[0] for row in rows],
            "region": [row[1] for row in rows],
            "people": [int(row[2]) for row in rows],
            "area_codes": [row[3].split(",") for row in rows],
        }
    )


@cache
def places() -> pl.DataFrame:
    """Return one row per place: state, region, county, county number, city, zip prefix and weight.

    A city of another state weighs an equal part of its state; its county is null.
    """
    rows: list[tuple[str, str | None, int | None, str, str, float]] = []
    for line in STATES.strip().splitlines():
        state, _, people, _, cities = line.split()
        for city in cities.split(",") if cities != "-" else []:
            name, zip3 = city.split(":")
            rows.append((state, None, None, name, zip3, int(people) / len(cities.split(","))))
    for state, text in zip(SWING, (OHIO, CAROLINA), strict=True):
        for number, word in enumerate(text.split(), start=1):
            county, people, city, zip3 = word.split(":")
            rows.append((state, county, number, city, zip3, float(people)))
    columns = ["state", "county", "county_number", "city", "zip3", "weight"]
    frame = pl.DataFrame(rows, schema=columns, orient="row", infer_schema_length=None)
    spaced = pl.col("county", "city").str.replace_all("_", " ")
    return frame.with_columns(spaced).join(states().select("state", "region"), on="state", maintain_order="left")
