"""The ledger: every claim on one page, to be filtered by verdict and by page, and as claims.json."""

import json
import re
import urllib.parse
from collections.abc import Mapping
from typing import Any

from reluguide.evidence.claims import order
from reluguide.evidence.lookup import Evidence
from reluguide.publish import render
from reluguide.publish.markup import filled
from reluguide.publish.pages import Page
from reluguide.publish.site import Question, plain_words


def ordered(evidence: Evidence) -> list[Mapping[str, Any]]:
    """All claims by the number in their id."""
    return sorted(evidence.claims.values(), key=lambda one: order(one["id"]))


def listed(evidence: Evidence, page: Page, questions: list[Question], *, repository: str) -> str:
    """The ledger as Markdown, to stand on `page`; doubts go to the issues of `repository`."""
    claims = ordered(evidence)
    shown = [one for one in questions if any(claim["module"] == one.module for claim in claims)]
    counts: dict[str, int] = {}
    for claim in claims:
        counts[claim["verdict"]] = counts.get(claim["verdict"], 0) + 1
    # The form works by script only, which shows it; without one the whole ledger stands there.
    choose = filled(
        "filter.html",
        verdicts=[(verdict, render.badge(verdict), count) for verdict, count in sorted(counts.items())],
        pages=[(one.module, one.page.title) for one in shown],
        total=len(claims),
    )
    homes = {one.module: one for one in questions}
    cards = [
        render.card(
            claim,
            _from_here(render.because(page, claim, evidence, root="../"), homes[claim["module"]]),
            settled=_settled(claim, homes[claim["module"]], repository),
        )
        for claim in claims
        if claim["module"] in homes
    ]
    return "\n".join([choose, "", *cards])


def as_json(evidence: Evidence, questions: list[Question]) -> str:
    """claims.json: every claim with verdict, reason as plain text, deciding numbers and address."""
    urls = {one.module: one.url for one in questions}
    nowhere = Page("claims.json", "")
    rows = [
        {
            "id": claim["id"],
            "claim": claim["said"],
            "where": claim["where"],
            "verdict": claim["verdict"],
            "because": plain_words(render.because(nowhere, claim, evidence, plain=True)),
            "checked_by": [f"{claim['module']}.{need}" for need in claim["needs"]],
            "numbers": {one["what"]: one["number"] for one in claim["conditions"]},
            "address": f"{urls.get(claim['module'], '')}#{claim['id'].lower()}",
        }
        for claim in ordered(evidence)
    ]
    return json.dumps(rows, ensure_ascii=False, indent=1) + "\n"


def _from_here(because: str, home: Question) -> str:
    """A reason with its links to places of its own page leading there from the ledger."""
    return re.sub(r"\]\(#", f"]({home.source.removeprefix('questions/')}#", because)


def _settled(claim: Mapping[str, Any], home: Question, repository: str) -> str:
    """What the verdict stands on, where the claim is discussed, and how to say that it is wrong."""
    if claim["checked"]:
        runs = ", ".join(f"`{claim['module']}.{need}`" for need in claim["needs"])
        stands = f"Checked by {runs}; rerun with `reluguide claim {claim['id']}`."
    else:
        stands = "Settled by citation or inspection."
    address = home.source.removeprefix("questions/")
    return f"{stands} On the page [{home.page.title}]({address}#{claim['id'].lower()}). " + (
        f"[I think this is wrong]({repository}/issues/new?{_doubt(claim)})" if repository else ""
    )


def _doubt(claim: Mapping[str, Any]) -> str:
    body = f"Claim {claim['id']}: {claim['said']}\nVerdict: {claim['verdict']}\n\nWhat I think, and the evidence:\n"
    return urllib.parse.urlencode({"title": f"{claim['id']}: I think the verdict is wrong", "body": body})
