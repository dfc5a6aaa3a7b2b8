# SPDX-License-Identifier: ISC
"""The rules by which `herald explain` knows herald's own refusals: made from the texts of the pages."""
import re

STRENGTH = 99  # nothing is said more plainly
WORDS_MIN = 8  # so that the words are herald's, not everybody's


def phrases(page):
    """The runs of two words and more of a page's texts that stand in every refusal, in their order."""
    found = []
    for text in page["texts"]:
        fixed = re.sub(r"\[\[.*?\]\]|\{\w+\}|\S*\d\S*|[.:;!?\"()@]", "\n", text).replace(",", " ")
        runs = (re.findall(r"[^\W_]+(?:['-][^\W_]+)*", run) for run in fixed.splitlines())
        found += [" ".join(words).lower() for words in runs if len(words) > 1]
    return found


def telling(page, others):
    """As many of its phrases as tell a page from all others, and from other servers; all, where these are few."""
    chosen, is_own = [], False
    for phrase in phrases(page):
        chosen.append(phrase)
        is_own = not any(all(c in other for c in chosen) for other in others)
        if is_own and len(" ".join(chosen).split()) >= WORDS_MIN:
            break
    if is_own:
        return chosen
    raise ValueError(f"{page['id']}: its texts do not tell it from another page")


def rules(pages):
    """Rules for each page that has texts, in the form of read_rules of mkknowledge: the cause, and who said it."""
    spoken = [page for page in pages if page["texts"]]
    whole = {page["id"]: "\n".join(phrases(page)) for page in spoken}
    made = []
    for page in spoken:
        others = [text for name, text in whole.items() if name != page["id"]]
        match = " & ".join(telling(page, others))
        for answer in (["cause", page["id"], str(STRENGTH)], ["printer", "herald", str(STRENGTH)]):
            made.append({"id": f"own.{answer[0]}.{page['id']}", "place": f"{page['id']}.md", "examples": [], "from": [],
                         "source": "herald", "software": "herald", "answer": answer,
                         "match": [(f"{page['id']}.md", match)]})
    return made
