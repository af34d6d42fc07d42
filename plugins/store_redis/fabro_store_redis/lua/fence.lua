-- A fenced store takes no writes. The set lists the documents of the fence's collection, and is gone without any.
if redis.call('EXISTS', P .. 'docs:store.fence') == 1 then return redis.error_reply('FENCED it moves to another store') end
