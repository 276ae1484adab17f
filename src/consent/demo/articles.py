"""What The Harbour Post has to say. Invented, like its town."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ARTICLES", "Article"]


@dataclass(frozen=True, slots=True)
class Article:
    """One article. ``embed`` names what stands in its middle: ``video``, ``map`` or nothing. ``art``: hues of its picture."""

    slug: str
    section: str
    title: str
    lead: str
    author: str
    day: str
    text: tuple[str, ...]
    art: tuple[int, int, str]
    embed: str = ""


ARTICLES = (
    Article(
        "tram-depot-library", "City", "The old tram depot will become a library",
        "After nine years of plans, the council has voted for reading rooms, a small cinema and a garden.",
        "Ida Brandt", "21 November 2026",
        (
            "Nobody had expected the vote to be close, and yet it was still being counted when the last number 4 rattled "
            "past the town hall. Nineteen to sixteen: the depot at the end of Quay Street, empty since the line to the "
            "shipyard closed, will become a public library.",
            "The architects want to keep the rails. They run through the hall in six pairs, polished by ninety years of "
            "wheels, and the shelves are to stand on them: low carriages of oak that two people can push aside when the "
            "hall is needed for a concert. “A library is a thing that moves”, says Amra Selim, who drew the plans. “We "
            "only took the sentence literally.”",
            "There will be 140 seats, a cinema of 60, and a workshop where the bicycles of the neighbourhood can be "
            "repaired on Saturdays. The garden behind the building, which schoolchildren have been sowing without asking "
            "anybody for three summers, stays as it is. The council has merely written down that it exists.",
            "What it costs is another story. Eleven million was the figure in the spring; the opposition reckons with "
            "fifteen. The treasurer, asked for her own estimate, said that she had learnt not to guess the price of "
            "roofs that have not been opened yet. Work is to begin in March with exactly that: the roof.",
            "The opening is planned for the autumn after next. Until then the books wait where they are, in the cellar of "
            "the customs house, at sixteen degrees and in the order in which they were carried down.",
        ),
        (18, 42, "depot"),
    ),
    Article(
        "night-ferry", "Harbour", "The night ferry is back, and it is almost silent",
        "Batteries instead of diesel: the crossing to Sandø takes seven minutes longer, and nobody minds.",
        "Jonas Okafor", "20 November 2026",
        (
            "At 23.40 the gangway is raised, and then nothing happens. No shudder, no smoke: the quay simply begins to "
            "move away. Some passengers applaud, as people do when they are not sure whether something has worked.",
            "The Sandø ferry ran every night from 1931 until the autumn of 2019, when its engine failed for the last "
            "time. The new one carries 48 tonnes of batteries where the tank used to be, and charges for twenty minutes "
            "on either side. Our film shows the first crossing from the bridge.",
            "Captain Lene Vik has sailed both. “The old one told you everything. You heard a rope in the screw, you heard "
            "a loose plate. This one says nothing, so you look more.” She has turned off two of the five screens.",
            "The fare is unchanged at six crowns. Bicycles travel free, as they always have, and so do dogs, provided "
            "that they have crossed before; the rule is from 1934, and nobody has found out how it was ever enforced.",
        ),
        (205, 230, "ferry"), "video",
    ),
    Article(
        "map-of-benches", "People", "She mapped every bench in town",
        "It took Rosa Lindqvist two winters. Her reason is a simple one: her father walks slowly.",
        "Mette Aalto", "19 November 2026",
        (
            "There are 1,212 public benches in this town. The parks department thought there were about 800. The "
            "difference is Rosa Lindqvist, who has sat on all of them.",
            "“My father is eighty-six and walks well, for four minutes”, she says. “So I needed to know where the next "
            "four minutes end.” What began as pencil marks on a bus map became a collection: height of the seat, "
            "whether it has a back, whether the sun gets there, and whether anybody would mind company.",
            "The map below shows the route that the two walk most often, from the fish market to the lighthouse steps. "
            "It has eleven benches and one wall, which Lindqvist counts because it is warm.",
            "The department has since asked for her list. She has given it to them under one condition: a bench that is "
            "removed must be replaced within four minutes’ walk. They are having the lawyers look at it.",
        ),
        (95, 150, "bench"), "map",
    ),
    Article(
        "bread-price", "Market", "Why your rye bread costs what it costs",
        "We followed one loaf backwards, from the counter to the field. The surprise is in the middle.",
        "Emil Novák", "18 November 2026",
        (
            "A loaf of rye at the corner of Net Street is thirty-four crowns. The flour in it is worth three. Somewhere "
            "between the two lies a small education in what a town pays for.",
            "The field is the easy part: two hectares near Holm, a farmer with a combine older than his daughter, and a "
            "price per tonne that is made on a screen in Paris. The mill takes its share and gives back bran. The baker "
            "gets up at two.",
            "Then comes the surprise. The largest single item is neither wages nor rent but heat: the oven of the Net "
            "Street bakery was built in 1962 and loses a third of its warmth to the stairwell, to the lasting joy of the "
            "tenants above, who have not turned on a radiator since.",
            "A new oven would pay for itself in six years. The baker has had the offer in his drawer for four. “Every "
            "January I take it out”, he says, “and then I meet Mrs Holt on the stairs.”",
        ),
        (32, 20, "bread"),
    ),
    Article(
        "choir-in-the-fog", "Culture", "A choir that only sings in fog",
        "When the horn sounds, forty people leave their desks and walk to the mole.",
        "Ida Brandt", "17 November 2026",
        (
            "You cannot buy a ticket, because nobody knows when. The Mole Choir meets when visibility falls below four "
            "hundred metres, an event that the harbour master announces with a horn in E flat. The choir takes its first "
            "note from it.",
            "It began as a joke among pilots who had nothing to do in such weather. Now there are forty of them, among "
            "them two dentists and a judge, who has adjourned three hearings for “reasons of meteorology”.",
            "They sing what can be sung without seeing a conductor: rounds, mostly, and a set of vespers that the "
            "organist of St Clement’s wrote for them, in which each voice enters when it can no longer hear the one "
            "before. It lasts between nine minutes and an hour.",
            "Last Tuesday there were more listeners than singers for the first time. They stood along the railing in the "
            "grey, and when the fog lifted, everybody was a little embarrassed, said good morning and went back to work.",
        ),
        (265, 210, "fog"),
    ),
)  # fmt: skip
