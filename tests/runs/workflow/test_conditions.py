"""Conditions of edges (language.md L11)."""

from __future__ import annotations

import pytest

from fabro_core.runs.workflow.conditions import Clause, ConditionError, parse_condition


def clause(key: str, operator: str | None = None, value: str = "", *, negated: bool = False) -> Clause:
    return Clause(key, operator, value, negated)


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("flag", ((clause("flag"),),)),
        ("!flag", ((clause("flag", negated=True),),)),
        ("!!flag", ((clause("flag"),),)),
        ("! ! ! flag", ((clause("flag", negated=True),),)),
        ("outcome=failed", ((clause("outcome", "=", "failed"),),)),
        ("outcome = failed", ((clause("outcome", "=", "failed"),),)),
        ("!x=y", ((clause("x", "=", "y", negated=True),),)),
        ("x!=y", ((clause("x", "!=", "y"),),)),
        ("n>=3", ((clause("n", ">=", "3"),),)),
        ("n<2", ((clause("n", "<", "2"),),)),
        ("missing=", ((clause("missing", "=", ""),),)),
        ("missing!= ", ((clause("missing", "!=", ""),),)),
        ('x=""', ((clause("x", "=", ""),),)),
        ('msg contains "two words"', ((clause("msg", "contains", "two words"),),)),
        (r'x="say \"hi\" \\ \n"', ((clause("x", "=", r'say "hi" \ \n'),),)),
        ('"two words"=x', ((clause("two words", "=", "x"),),)),
        ("contains=1", ((clause("contains", "=", "1"),),)),
        ("contains", ((clause("contains"),),)),
        ("contains contains contains", ((clause("contains", "contains", "contains"),),)),
        ("matches matches x", ((clause("matches", "matches", "x"),),)),
        (r"v matches ^v\d+$", ((clause("v", "matches", r"^v\d+$"),),)),
        ('v matches "^a|b=c$"', ((clause("v", "matches", "^a|b=c$"),),)),
        ("(a)", ((clause("(a)"),),)),
        ("a&&b||c", ((clause("a"), clause("b")), (clause("c"),))),
        ("a || b && c", ((clause("a"),), (clause("b"), clause("c")))),
        ("\ta\n", ((clause("a"),),)),
    ],
)
def test_a_condition_is_alternatives_of_clauses(text: str, condition: tuple[tuple[Clause, ...], ...]) -> None:
    assert parse_condition(text) == condition


@pytest.mark.parametrize("text", ["", " ", "\t\r\n"])
def test_a_blank_text_is_no_condition(text: str) -> None:
    assert parse_condition(text) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("outcome==", "value"),
        ("a == b", "value"),
        ("a => b", "value"),
        ("a > = b", "value"),
        ("=b", "a key"),
        ("a &&", "a key"),
        ("&& a", "a key"),
        ("a || || b", "a key"),
        ("!", "a key"),
        ("a && !", "a key"),
        ("a >", "value"),
        ("a contains", "value"),
        ("a= && b", "value"),
        ("a=!b", "value"),
        ("x & y", 'single "&"'),
        ("x | y", 'single "|"'),
        ("a &&& b", "a key"),
        ("x=1 y=2", '"y" is left over'),
        ("a b", '"b" is left over'),
        ('a "contains" b', "left over"),
        ("a !b", "left over"),
        ("x=1=2", "left over"),
        ('x="open', "not closed"),
        ("x matches [bad", "no regular expression"),
        ("x matches (?=a)", "no regular expression"),
        (r'x matches "(?=a)"', "no regular expression"),
        (r"x matches (a)\1", "no regular expression"),
        ("x matches a=b", "left over"),
        ("x matches " + "a" * 5000, "more than"),
    ],
)
def test_a_faulty_condition_says_why(text: str, reason: str) -> None:
    with pytest.raises(ConditionError) as caught:
        parse_condition(text)
    assert reason in str(caught.value)
