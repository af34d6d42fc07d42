-- Returns 1, or 0 when there is no such run. The feed leaves the run's events out from now on.
local id = ARGV[1]
local index = redis.call('HGET', P .. 'run:' .. id, 'index')
if not index then return 0 end
refile(id, cmsgpack.unpack(index), nil)
redis.call('DEL', P .. 'run:' .. id, P .. 'log:' .. id, P .. 'tags:' .. id)
return 1
