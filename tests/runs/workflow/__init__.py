"""The workflow language, rule by rule (language.md)."""
