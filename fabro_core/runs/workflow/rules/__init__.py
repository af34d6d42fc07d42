"""What a finished graph must be like (language.md L13): one function a rule, which has the rule's name."""
