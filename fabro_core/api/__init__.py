"""HTTP: thin controllers, one file a resource; `problems` is the only exception → HTTP map."""
