"""First names by sex and era, last names, and the letters' dressing that real files show."""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl

# name:weight:peak birth year
WOMEN = """Mary:60:1930 Patricia:26:1945 Linda:30:1948 Barbara:26:1940 Elizabeth:22:1975 Jennifer:28:1975 Maria:16:1970
Susan:22:1955 Margaret:24:1925 Dorothy:20:1922 Lisa:20:1966 Nancy:16:1945 Karen:18:1956 Betty:18:1930 Helen:18:1920
Sandra:16:1948 Donna:16:1956 Carol:16:1944 Ruth:14:1920 Sharon:14:1946 Michelle:16:1972 Laura:14:1970 Sarah:18:1982
Kimberly:16:1968 Deborah:16:1954 Jessica:24:1987 Shirley:12:1936 Cynthia:12:1957 Angela:14:1973 Melissa:14:1977
Brenda:10:1956 Amy:14:1975 Anna:12:1985 Rebecca:12:1976 Virginia:12:1922 Kathleen:12:1950 Pamela:12:1955
Martha:10:1932 Debra:12:1956 Amanda:16:1984 Stephanie:14:1982 Carolyn:10:1943 Christine:10:1965 Marie:10:1930
Janet:8:1950 Catherine:12:1950 Frances:10:1922 Ann:8:1945 Joyce:8:1938 Diane:8:1953 Alice:8:1922 Julie:10:1964
Heather:10:1976 Teresa:10:1960 Doris:8:1925 Gloria:8:1945 Evelyn:8:1922 Jean:8:1930 Cheryl:8:1957 Katherine:14:1984
Joan:8:1934 Ashley:18:1988 Judith:8:1942 Rose:6:1920 Janice:6:1946 Nicole:12:1982 Judy:6:1946 Christina:10:1980
Kathryn:8:1960 Beverly:6:1938 Denise:8:1960 Tammy:8:1967 Irene:6:1920 Jane:6:1945 Rachel:10:1986 Andrea:8:1976
Kelly:8:1976 Emily:14:1990 Samantha:12:1990 Victoria:8:1990 Danielle:8:1986 Megan:10:1987 Lauren:10:1988
Brittany:12:1990 Tiffany:8:1984 Natalie:6:1985 Jacqueline:8:1965 Theresa:8:1958 Yolanda:4:1965 Latoya:4:1983
Ebony:3:1985 Monique:3:1978 Rosa:4:1960 Carmen:4:1955 Guadalupe:3:1975 Suzanne:6:1958 Veronica:4:1975 Eleanor:4:1922"""

MEN = """James:40:1945 John:40:1945 Robert:40:1945 Michael:44:1963 William:36:1940 David:38:1958 Richard:28:1945
Charles:24:1940 Joseph:24:1955 Thomas:24:1952 Christopher:26:1982 Daniel:20:1982 Paul:14:1956 Mark:18:1962
Donald:16:1936 George:16:1928 Kenneth:14:1950 Steven:16:1957 Edward:16:1935 Brian:14:1972 Ronald:14:1946
Anthony:14:1978 Kevin:14:1968 Jason:16:1976 Matthew:20:1984 Gary:12:1951 Timothy:12:1963 Larry:10:1947
Jeffrey:12:1966 Frank:10:1925 Scott:10:1968 Eric:10:1976 Stephen:12:1954 Andrew:16:1986 Raymond:10:1930
Gregory:10:1962 Joshua:18:1986 Jerry:8:1944 Dennis:8:1950 Walter:8:1922 Patrick:10:1970 Peter:8:1955 Harold:8:1925
Douglas:8:1956 Henry:8:1925 Carl:6:1932 Arthur:8:1922 Ryan:12:1985 Roger:6:1945 Jack:6:1930 Albert:6:1922
Jonathan:12:1984 Justin:12:1986 Terry:6:1950 Gerald:6:1940 Keith:6:1962 Samuel:8:1985 Willie:4:1935 Ralph:6:1925
Lawrence:8:1940 Nicholas:12:1986 Roy:5:1928 Benjamin:8:1984 Bruce:6:1952 Brandon:10:1986 Adam:8:1984 Harry:5:1922
Fred:5:1930 Wayne:5:1948 Billy:5:1938 Steve:4:1957 Louis:5:1930 Jeremy:6:1978 Aaron:8:1983 Randy:5:1957
Howard:5:1930 Eugene:5:1930 Carlos:4:1980 Russell:5:1950 Victor:4:1955 Martin:4:1955 Ernest:4:1925 Phillip:5:1955
Todd:5:1968 Jesse:4:1980 Craig:5:1962 Alan:5:1952 Philip:4:1955 Zachary:8:1990 Tyler:8:1990 Kyle:6:1988
Jose:6:1980 Juan:5:1980 Luis:4:1980 Jesús:2:1980 José:2:1980 Andrés:1:1985 Darnell:2:1978 Tyrone:3:1968
Marcus:4:1980 Terrence:2:1970 Leonard:4:1930 Vincent:4:1960 Edwin:3:1930 Nathaniel:4:1988 Alexander:8:1990"""

LAST = """Smith Johnson Williams Brown Jones Davis Miller Wilson Moore Taylor Anderson Thomas Jackson White Harris
Martin Thompson Robinson Clark Lewis Lee Walker Hall Allen Young King Wright Scott Green Baker Adams Nelson Hill
Campbell Mitchell Roberts Carter Phillips Evans Turner Parker Collins Edwards Stewart Morris Rogers Reed Cook Morgan
Bell Murphy Bailey Cooper Richardson Cox Howard Ward Peterson Gray James Watson Brooks Kelly Sanders Price Bennett
Wood Barnes Ross Henderson Coleman Jenkins Perry Powell Long Patterson Hughes Flores Washington Butler Simmons Foster
Bryant Alexander Russell Griffin Hayes Myers Ford Hamilton Graham Sullivan Wallace Woods Cole West Jordan Owens
Reynolds Fisher Ellis Harrison Gibson McDonald Cruz Marshall Ortega Gomez Murray Freeman Wells Webb Simpson Stevens
Tucker Porter Hunter Hicks Crawford Henry Boyd Mason Kennedy Warren Dixon Burns Gordon Shaw Holmes Rice Robertson
Hunt Black Daniels Palmer Mills Nichols Grant Knight Ferguson Rose Stone Hawkins Dunn Perkins Hudson Spencer Gardner
Stephens Payne Pierce Berry Matthews Arnold Wagner Willis Ray Watkins Olson Carroll Duncan Snyder Hart Cunningham
Bradley Lane Andrews Harper Fox Riley Armstrong Carpenter Weaver Greene Lawrence Elliott Sims Austin Peters Kelley
Franklin Lawson Fields Ryan Schmidt Carr Wheeler Chapman Oliver Montgomery Richards Williamson Johnston Banks Meyer
Bishop McCoy Howell Morrison Hansen Garza Harvey Little Burton Stanley George Jacobs Reid Fuller Lynch Dean Gilbert
Garrett Welch Larson Frazier Burke Hanson Day Moreno Bowman Fowler Brewer Hoffman Carlson Silva Pearson Holland
Douglas Fleming Jensen Vargas Byrd Davidson Hopkins Terry Wade Soto Walters Curtis Neal Caldwell Lowe Jennings
Barnett Graves Jimenez Horton Shelton Barrett Obrien Castro Sutton Gregory McKinney Lucas Miles Craig Chambers Holt
Lambert Fletcher Watts Bates Hale Rhodes Pena Beck Newman Haynes McDaniel Mendez Bush Vaughn Parks Dawson Norris
Hardy Love Steele Curry Powers Schultz Barker Guzman Page Munoz Ball Keller Chandler Weber Leonard Walsh Lyons Ramsey
Wolfe Schneider Mullins Benson Sharp Bowen Daniel Barber Cummings Hines Baldwin Griffith Valdez Hubbard Reeves Stevenson
Burgess Santos Tate Cross Garner Mann Mack Moss Thornton Dennis McGee Farmer Delgado Aguilar Vega Glover Manning Cohen
Harmon Rodgers Robbins Newton Todd Blair Higgins Ingram Reese Cannon Strickland Townsend Potter Goodwin Walton Rowe
Hampton Patton Swanson Joseph Francis Goodman Yates Becker Erickson Hodges Conner Adkins Webster Norman Malone Hammond
Flowers Cobb Moody Quinn Blake Maxwell Pope Floyd Osborne Paul McCarthy Lindsey Sandoval Gibbs Tyler Gross Fitzgerald
Stokes Doyle Sherman Saunders Wise Colon Gill Alvarado Greer Padilla Simon Waters Nunez Ballard Schwartz McBride
Houston Christensen Klein Pratt Briggs Parsons McLaughlin Zimmerman French Buchanan Moran Copeland Roy Pittman Brady
O'Brien O'Connor O'Neill D'Angelo D'Amico Müller Schröder Björk St._Clair De_Luca Van_Dyke Kowalski Nowak Wójcik_
Rossi Esposito Smith-Jones Taylor-Brown Hall-Young Kozlowski Novak Horvath""".replace("Wójcik_", "Wojcik")

HISPANIC = """Garcia Rodriguez Martinez Hernandez Lopez Gonzalez Perez Sanchez Ramirez Torres Flores Rivera Gomez Diaz
Reyes Morales Cruz Ortiz Gutierrez Chavez Ramos Ruiz Alvarez Mendoza Vasquez Castillo Jimenez Moreno Romero Herrera
Medina Aguilar Muñoz Peña Núñez Ibáñez Castañeda Rodríguez-López De_La_Cruz"""

ASIAN = """Nguyen Lee Kim Patel Tran Chen Wong Le Yang Wang Chang Chan Pham Li Park Singh Lin Liu Khan Huang Yu Choi Ho
Wu Shah Kaur Cho Sharma Gupta Zhang"""

INITIALS = ["A", "B", "C", "D", "E", "J", "L", "M", "R", "S", "T", "W"]
MIDDLE_NAMES = {
    "F": [
        "Ann",
        "Marie",
        "Lynn",
        "Jean",
        "Lou",
        "Rose",
        "Grace",
        "Louise",
        "Elizabeth",
        "Jane",
        "Renee",
        "Nicole",
    ],
    "M": [
        "James",
        "Edward",
        "Allen",
        "Ray",
        "Dean",
        "Michael",
        "Joseph",
        "Thomas",
        "Eugene",
        "Wayne",
        "Lee",
        "Scott",
    ],
}

ERAS = np.arange(1915, 2000, 5)


def words(text: str) -> list[str]:
    """Return the words of a list, an underscore standing for a space within one."""
    return [word.replace("_", " ") for word in text.split()]


@cache
def _first_names(sex: str) -> tuple[pl.Series, np.ndarray]:
    rows = [word.split(":") for word in (WOMEN if sex == "F" else MEN).split()]
    weight, peak = np.array([[float(row[1]), float(row[2])] for row in rows]).T
    era = np.exp(-(((ERAS[:, None] - peak) / 14) ** 2) / 2) + 0.08
    share = weight * era
    cumulative = (share / share.sum(axis=1, keepdims=True)).cumsum(axis=1)
    cumulative[:, -1] = 1.0
    return pl.Series([row[0] for row in rows]), cumulative


def first_names(rng: np.random.Generator, female: np.ndarray, birth_year: np.ndarray) -> pl.Series:
    """Return a first name for each person, of the sex and the era."""
    era = np.clip((birth_year - ERAS[0]) // 5, 0, len(ERAS) - 1)
    point = rng.random(len(era)) * (1 - 1e-9)
    drawn = []
    for sex in "FM":
        pool, cumulative = _first_names(sex)
        # one sorted ladder for all eras: era number plus cumulative share
        ladder = (cumulative + np.arange(len(ERAS))[:, None]).ravel()
        at = np.searchsorted(ladder, era + point, side="right")
        drawn.append(pool.gather(np.minimum(at - era * len(pool), len(pool) - 1)))
    table = pl.DataFrame({"woman": female, "f": drawn[0], "m": drawn[1]})
    return table.select(pl.when("woman").then("f").otherwise("m").alias("first_name"))["first_name"]


def last_names(rng: np.random.Generator, race: np.ndarray) -> pl.Series:
    """Return a last name for each person; commoner names first in each list weigh more."""
    pool = pl.Series(words(LAST) + words(HISPANIC) + words(ASIAN))
    sizes = np.array([len(words(text)) for text in (LAST, HISPANIC, ASIAN)])
    group = np.select([race == "hispanic", race == "asian"], [1, 2], 0)
    # Zipf-like: rank r has density about 1 / (r + 12)
    point = rng.random(len(race))
    rank = 12 * ((sizes[group] / 12 + 1) ** point - 1)
    start = np.array([0, sizes[0], sizes[0] + sizes[1]])[group]
    return pool.gather(start + np.minimum(rank.astype(np.int64), sizes[group] - 1)).alias("last_name")


def middle_names(rng: np.random.Generator, female: np.ndarray) -> pl.Series:
    """Return a middle initial or name for each person; the file's owners know nothing else."""
    pool = pl.Series(INITIALS + MIDDLE_NAMES["F"] + MIDDLE_NAMES["M"])
    at = rng.integers(0, 12, len(female))
    full = rng.random(len(female)) < 0.5
    return pool.gather(at + np.where(full, np.where(female, 12, 24), 0))


@cache
def nicknames() -> pl.DataFrame:
    """Return one row per first name that has nicknames: first_name, nicks (a sorted list)."""
    from nicknames import NickNamer

    namer = NickNamer()
    pools = [*_first_names("F")[0].to_list(), *_first_names("M")[0].to_list()]
    rows = [(name, sorted(namer.nicknames_of(name))[:4]) for name in dict.fromkeys(pools)]
    kept = [(name, [nick.title() for nick in nicks]) for name, nicks in rows if nicks]
    return pl.DataFrame(kept, schema={"first_name": pl.String, "nicks": pl.List(pl.String)}, orient="row")
