-- A fenced store takes no writes: one document is the fence, whatever else its collection holds.
local fence = P .. 'doc:store.fence\0\0fence'
if redis.call('EXISTS', fence) == 1 then return redis.error_reply('FENCED it moves to another store') end
