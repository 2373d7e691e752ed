--[[
  Walks the failed set in bounded steps, from where the last step stopped. The place is a
  (score, id), which stays right when jobs leave or join the set in between, however many share
  one score. Nothing is written.

  KEYS[1] `prefix:queue:failed`
  ARGV[1] "up" (oldest first) or "down"
  ARGV[2], ARGV[3] score and hex id of the last one seen, or ""
  ARGV[4], ARGV[5] lowest and highest score, inclusive, or ""
  ARGV[6], ARGV[7] "=" and the job name, "=" and the failure code, or ""
  ARGV[8] how many ids to look at
]]
--- @include "failure_code"
--- @include "job_fields"
local rcall = redis.call
local base = string.sub(KEYS[1], 1, -7)
local MOST_BYTES, MOST_EFFORT = 262144, 700

local function to_hex(text)
  return (string.gsub(text, ".", function(sign)
    return string.format("%02x", string.byte(sign))
  end))
end

local function from_hex(text)
  return (string.gsub(text, "%x%x", function(pair)
    return string.char(tonumber(pair, 16))
  end))
end

-- Members of one score lie in the order of their bytes.
local function less(one, other)
  for place = 1, math.min(#one, #other) do
    local left, right = string.byte(one, place), string.byte(other, place)
    if left ~= right then
      return left < right
    end
  end
  return #one < #other
end

-- How many members lie before (score, id); with `through`, that one counts too if it is there.
local function rank_at(score, id, through)
  local low = rcall("ZCOUNT", KEYS[1], "-inf", "(" .. score)
  local high = low + rcall("ZCOUNT", KEYS[1], score, score)
  while low < high do
    local middle = math.floor((low + high) / 2)
    local member = rcall("ZRANGE", KEYS[1], middle, middle)[1]
    if less(member, id) or (through and member == id) then
      low = middle + 1
    else
      high = middle
    end
  end
  return low
end

-- The next members with their scores, as one flat list.
local function next_page(up, size)
  if up then
    local rank = 0
    if ARGV[2] ~= "" then
      rank = rank_at(ARGV[2], from_hex(ARGV[3]), true)
    elseif ARGV[4] ~= "" then
      rank = rcall("ZCOUNT", KEYS[1], "-inf", "(" .. ARGV[4])
    end
    return rcall("ZRANGE", KEYS[1], rank, rank + size - 1, "WITHSCORES")
  end
  local before
  if ARGV[2] ~= "" then
    before = rank_at(ARGV[2], from_hex(ARGV[3]), false)
  else
    before = rcall("ZCOUNT", KEYS[1], "-inf", ARGV[5] ~= "" and ARGV[5] or "+inf")
  end
  local skipped = rcall("ZCARD", KEYS[1]) - before
  return rcall("ZREVRANGE", KEYS[1], skipped, skipped + size - 1, "WITHSCORES")
end

-- What the filter needs to know of a job; nil when its hash is gone, or is no hash.
local function look_up(id)
  local fields = job_fields(base .. id, "failedReason", "name")
  if not fields or (not fields[1] and not fields[2] and rcall("EXISTS", base .. id) == 0) then
    return nil
  end
  return fields[1] or "", fields[2] or ""
end

--[[
  Calls visit(id, score, reason, name, code) for each job that matches, until it returns true.
  Returns whether the end was reached, where it stopped, and how many job hashes were gone.
  With `bare` and no filter, hashes are not looked at.
]]
local function walk(visit, bare)
  local up, size = ARGV[1] == "up", tonumber(ARGV[8])
  local lowest, highest = tonumber(ARGV[4]), tonumber(ARGV[5])
  local name = ARGV[6] ~= "" and string.sub(ARGV[6], 2)
  local code = ARGV[7] ~= "" and string.sub(ARGV[7], 2)
  local page = next_page(up, size)
  local at, vanished, bytes, stop = { ARGV[2], ARGV[3] }, 0, 0, false
  for place = 1, #page, 2 do
    local id, score = page[place], page[place + 1]
    local number = tonumber(score)
    if (up and highest and number > highest) or (not up and lowest and number < lowest) then
      return true, at, vanished
    end
    at = { score, id }
    if bare and not name and not code then
      stop = visit(id, score)
    else
      local reason, named = look_up(id)
      if not reason then
        vanished = vanished + 1
      elseif not name or named == name then
        local found = failure_code(reason)
        if not code or found == code then
          stop = visit(id, score, reason, named, found)
        end
        bytes = bytes + #reason
      end
    end
    effort = effort + 1
    if stop or bytes > MOST_BYTES or effort > MOST_EFFORT then
      at[2] = to_hex(id)
      return false, at, vanished
    end
  end
  if #page > 0 then
    at[2] = to_hex(at[2])
  end
  return #page < size * 2, at, vanished
end
