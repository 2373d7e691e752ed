--[[
  Reads BullMQ's events stream: starts, ends of attempts, and final failures. An entry is
  an id and a flat list of fields, and `event` and `jobId` come first in every version. Event names of
  BullMQ 3 to 6: `active` is a start; `completed` and `failed` are final; an attempt that will be
  tried again ends in `waiting` from `active`, or in `delayed`.
]]
local PAGE, PAGES, MOST_BYTES, BUCKET = 100, 5, 262144, 10000

local function milliseconds(id)
  return tonumber(string.match(id, "^%d+"))
end

local function is_after(one, other)
  local left, right = milliseconds(one), milliseconds(other)
  if left ~= right then
    return left > right
  end
  return tonumber(string.match(one, "%d+$")) > tonumber(string.match(other, "%d+$"))
end

-- Return values, reasons and progress, which may be long, come third or fourth.
local function size_of(fields)
  return #(fields[6] or "") + #(fields[8] or "")
end

-- Whether this entry, between its neighbours, is the end of an attempt that will be tried again.
local function is_new_attempt(before, fields, after)
  local job = fields[4]
  if fields[2] == "waiting" and fields[5] == "prev" and fields[6] == "active" then
    -- a stalled job is moved by a check, no worker has finished it
    return not (after and after[2] == "stalled" and after[4] == job)
  end
  if fields[2] == "delayed" then
    -- a new delayed job is `added` and `delayed` in one go
    return not (before and before[2] == "added" and before[4] == job)
  end
  return false
end

-- Counts entries (oldest first) from `since` on; the last start and finish are found before it too.
local function count_events(entries, since)
  local read = { s = 0, f = 0, b = {} }
  for place, entry in ipairs(entries) do
    local at, fields = milliseconds(entry[1]), entry[2]
    local event, counts = fields[2], milliseconds(entry[1]) >= since
    local before, after = entries[place - 1], entries[place + 1]
    if event == "active" then
      read.ls = at
      if counts then read.s = read.s + 1 end
    elseif event == "completed" or event == "failed"
      or is_new_attempt(before and before[2], fields, after and after[2]) then
      read.lf = at
      if counts then
        read.f = read.f + 1
        if event == "failed" then
          local bucket = string.format("%.0f", at - at % BUCKET)
          read.b[bucket] = (read.b[bucket] or 0) + 1
        end
      end
    end
  end
  return read
end

-- Whether entries were trimmed that a reader at `cursor` has not seen.
local function has_gap(key, cursor)
  local first = redis.call("XRANGE", key, "-", "+", "COUNT", 1)[1]
  if not first or not is_after(first[1], cursor) then
    return false
  end
  if cursor ~= "0-0" then
    return true
  end
  -- the stream did not exist then: what it ever held is told by Redis 7 and later
  local length, added = 0, nil
  local info = redis.call("XINFO", "STREAM", key)
  for place = 1, #info, 2 do
    if info[place] == "length" then
      length = info[place + 1]
    elseif info[place] == "entries-added" then
      added = info[place + 1]
    end
  end
  return added ~= nil and added > length
end

local function read_after(key, cursor)
  local entries, bytes, from, more = {}, 0, cursor, true
  for _ = 1, PAGES do
    local page = redis.call("XRANGE", key, "(" .. from, "+", "COUNT", PAGE)
    for _, entry in ipairs(page) do
      entries[#entries + 1] = entry
      bytes = bytes + size_of(entry[2])
    end
    more = #page == PAGE
    if #page > 0 then
      from = page[#page][1]
    end
    if not more or bytes > MOST_BYTES then
      break
    end
  end
  local read = count_events(entries, 0)
  read.c, read.m = from, more
  read.g = #entries > 0 and has_gap(key, cursor)
  return read
end

-- A first look: the newest entries, back to `since` or as far as one call may read.
local function read_newest(key, since)
  local backwards, bytes, upto = {}, 0, "+"
  for _ = 1, PAGES do
    local page = redis.call("XREVRANGE", key, upto, "-", "COUNT", PAGE)
    for _, entry in ipairs(page) do
      backwards[#backwards + 1] = entry
      bytes = bytes + size_of(entry[2])
    end
    if #page < PAGE or bytes > MOST_BYTES then
      break
    end
    upto = "(" .. page[#page][1]
  end
  local entries = {}
  for place = #backwards, 1, -1 do
    entries[#entries + 1] = backwards[place]
  end
  local read = count_events(entries, since)
  read.c = #entries > 0 and entries[#entries][1] or "0-0"
  read.g, read.m = false, false
  return read
end
