"""Auth methods with one bug each.

Every module here has those of one subject; a class marked with `breaks` in any of them is a mutant, listed nowhere
else. `tests.auth.mutant_suites` asks the kit about them, `test_auth_kit` expects that it finds each.
"""
