-- Returns 1, 0 when there is no such document, or -1 when it has another revision.
local delete = cmsgpack.unpack(ARGV[1])
local revision, live = current(delete.place, delete.now)
if not live then return 0 end
if delete.revision and revision ~= delete.revision then return -1 end
forget(delete.place)
return 1
