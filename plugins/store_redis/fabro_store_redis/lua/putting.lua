-- Stores the blobs in the arguments from `first` on: digest, instant and bytes of each. Returns how many are new.
local function put_blobs(first)
  local new = 0
  for n = first, #ARGV, 3 do
    local digest, now, body = ARGV[n], ARGV[n + 1], ARGV[n + 2]
    if redis.call('SET', P .. 'blob:' .. digest, body, 'NX') then
      redis.call('ZADD', P .. 'blobs', 0, digest)
      new = new + 1
    end
    redis.call('ZADD', P .. 'blob-puts', 'GT', now, digest)
  end
  return new
end
