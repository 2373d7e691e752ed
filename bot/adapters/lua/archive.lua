--[[
  Shared by the scripts of the archive (an include): its books. All keys are in one slot.
  KEYS: the archives by expiry, their sizes, the sum of the sizes; then of one archive its batches,
  its facts (`count:N` is how many jobs batch N has, `written:N` how often it was written over,
  `left_out` how many the last undo left), its unsettled batches.
]]
local rcall = redis.call
local archives, sizes, total, batches, facts, open = unpack(KEYS)
local begin = string.sub(archives, 1, -2) .. ":"
local time = rcall("TIME")
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local PRUNED = 100

local function add_bytes(id, count)
  rcall("HINCRBY", sizes, id, count)
  rcall("INCRBY", total, count)
end

local function forget(id)
  rcall("UNLINK", begin .. id, begin .. id .. ":facts", begin .. id .. ":open")
  rcall("DECRBY", total, rcall("HGET", sizes, id) or 0)
  rcall("HDEL", sizes, id)
  rcall("ZREM", archives, id)
end

local function prune()
  for _, id in ipairs(rcall("ZRANGEBYSCORE", archives, "-inf", now, "LIMIT", 0, PRUNED)) do
    forget(id)
  end
end

-- Take a batch out of the books and off the shelf.
local function take_off(id, number)
  add_bytes(id, -rcall("HSTRLEN", batches, number))
  rcall("HINCRBY", facts, "jobs", -(tonumber(rcall("HGET", facts, "count:" .. number)) or 0))
  rcall("HDEL", facts, "count:" .. number, "written:" .. number)
  rcall("HDEL", batches, number)
end

local function put_on(id, number, blob, count)
  rcall("HSET", batches, number, blob)
  rcall("HSET", facts, "count:" .. number, count)
  rcall("HINCRBY", facts, "jobs", count)
  add_bytes(id, #blob)
end

-- Let the archive last until `ends` at least; also a key that has just been made anew.
local function prolong(id, ends)
  ends = string.format("%.0f", math.max(tonumber(rcall("HGET", facts, "expires_at")), ends))
  rcall("HSET", facts, "expires_at", ends)
  rcall("ZADD", archives, ends, id)
  rcall("PEXPIREAT", facts, ends)
  rcall("PEXPIREAT", batches, ends)
  rcall("PEXPIREAT", open, ends)
end
