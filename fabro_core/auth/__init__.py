"""Who is asking: the interface of an auth method (`base`) and the judgement of a request's credentials."""
