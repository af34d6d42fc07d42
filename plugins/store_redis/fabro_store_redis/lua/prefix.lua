local P = KEYS[1]  -- the prefix of every key of this store
