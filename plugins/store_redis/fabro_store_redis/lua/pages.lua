-- Pages of events, bounded in number and in bytes (`EventQuery.max_bytes`).

local AT_ONCE = 8  -- Events that are looked at together where bytes count: each may be as large as a request's body.

-- A record is an array of sequence number, kind, body and tags; the head of the body says how long it is.
local function body_size(record)
  local at = cmsgpack.unpack_limit(record, 2, 1) + 1
  local head = string.byte(record, at)
  if head == 0xc4 then return string.byte(record, at + 1) end
  return (struct.unpack(head == 0xc5 and '>I2' or '>I4', record, at + 1))
end

local function new_page(limit, max_bytes) return {limit = limit, max_bytes = max_bytes, size = 0, has_more = false} end

-- Adds a record, with what is to stand before it; false when the page has no room for it.
local function add(page, record, before)
  page.size = page.size + body_size(record)
  if #page == page.limit or (#page > 0 and page.max_bytes and page.size > page.max_bytes) then
    page.has_more = true
    return false
  end
  page[#page + 1] = before and before .. record or record
  return true
end

local function records(page) return array(#page) .. table.concat(page) end
