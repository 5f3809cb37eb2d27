"""Abbreviations and other words that the official tokenizer knows by name.

They are measured, not copied: each word of one to four letters, 14,000 words of captions and known
abbreviations were given to the program with a full stop in several contexts; the lists are those
that kept it. Small letters stand for both cases; the sets with capitals are matched as written.
"""

# The full stop belongs to the word, and may end the sentence too: before a capital there are two.
ENDING = """
jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thurs fri
ala ariz calif colo conn ct dak fla ga ind kan kans ky md mich minn mo mont neb nev okla penn tenn
va vt wis wisc wyo
assn bancorp bhd bldg blvd bros co corp cos esq inc intl jr ltd plc rd rt sr sys univ
ed.d ph.d
al est etc ext seq sq tel
""".split()  # noqa: SIM905 - a list of so many strings is harder to read
# The same, but only with a capital: "Wash." is a state, "wash." is a word.
CAPITAL_ENDING = "Ark Az Del Ill La Mass Miss Ore Pa Tex Wash".split()  # noqa: SIM905
# The full stop always belongs to the word.
TITLES = """
adj adm adv alex asst assoc atty attys ave brig capt cf cie cmdr col comdr cpl dept det dr drs elec
ens ft gen gov govs hon insp invt jos lieut lt maj messrs mlle mme mr mrs ms msgr mt natl pfc ph
pres prof profs pvt rep reps rev sen sens sfc sgt spc st ste supt supts treas vs wm
""".split()  # noqa: SIM905
# Abbreviations of which one letter must be small: "PTY." and "MTG." are not known. The first eight
# are as those of ENDING, the others as TITLES.
IRREGULAR = "pte ptes pty ptys ppte pptes ppty pptys mfg mtg".split()  # noqa: SIM905
# The full stop belongs to the word before a number.
NUMBERED = "art ca fig figs no nos op pp prop".split()  # noqa: SIM905
# Words of which the first letter is a capital: after "J. " they begin a new sentence.
STARTERS = """
A About According Additionally After An As At But Earlier He Her Here However If In It Last Many
More Mr. Ms. Now Once One Other Our She Since So Some Such That The Their Then There These They This
We What When While Yet You
""".split()  # noqa: SIM905
EXTENSIONS = """
bat bmp c cgi class cpp dll doc docx exe gif gz h htm html jar java jpeg jpg mov mp3 pdf php pl png
ppt ps py sql tar txt wav x xml zip
""".split()  # noqa: SIM905
# Contractions that are split without an apostrophe.
JOINED = (("can", "not"), ("gon", "na"), ("got", "ta"), ("wan", "na"), ("lem", "me"), ("gim", "me"))
