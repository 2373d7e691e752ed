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
--- @include "set_place"
local rcall = redis.call
local base = string.sub(KEYS[1], 1, -7)
local MOST_BYTES, MOST_EFFORT = 262144, 700
local AHEAD, MANY = 25, 256

local up = ARGV[1] == "up"
local members = nil
local first, left = 0, 0 -- how many come before this step, and how many are from there to the end

local function find_place()
  local count = rcall("ZCARD", KEYS[1])
  if up then
    if ARGV[2] ~= "" then
      first = rank_at(KEYS[1], ARGV[2], from_hex(ARGV[3]), true)
    elseif ARGV[4] ~= "" then
      first = rcall("ZCOUNT", KEYS[1], "-inf", "(" .. ARGV[4])
    end
    left = (ARGV[5] ~= "" and rcall("ZCOUNT", KEYS[1], "-inf", ARGV[5]) or count) - first
    return count
  end
  local before = count
  if ARGV[2] ~= "" then
    before = rank_at(KEYS[1], ARGV[2], from_hex(ARGV[3]), false)
  elseif ARGV[5] ~= "" then
    before = rcall("ZCOUNT", KEYS[1], "-inf", ARGV[5])
  end
  first = count - before
  left = before - (ARGV[4] ~= "" and rcall("ZCOUNT", KEYS[1], "-inf", "(" .. ARGV[4]) or 0)
  return count
end

local function range(from, to)
  return rcall(up and "ZRANGE" or "ZREVRANGE", KEYS[1], from, to, "WITHSCORES")
end

-- Id and score of one of this step, counted from 1.
local function member(place)
  local some, at = members, 2 * place
  if not some then
    some, at = range(first + place - 1, first + place - 1), 2
  end
  return some[at - 1], some[at]
end

-- What the filter needs to know of a job; nil when its hash is gone, or is no hash.
local function look_up(id)
  local fields = job_fields(base .. id, "failedReason", "name")
  if not fields or (not fields[1] and not fields[2] and rcall("EXISTS", base .. id) == 0) then
    return nil
  end
  return fields[1] or "", fields[2] or ""
end

-- The reasons of the jobs from a place on, by one command, which takes half as long as to ask for
-- each; false where there is none. Nil where the server does not do that: before Redis 7, in some
-- clusters, under an ACL that does not give all keys. Small sets are not worth it: SORT stores them
-- anew.
local function reasons_from(place)
  local from = first + place - 1
  local found =
    redis.pcall("SORT_RO", KEYS[1], "BY", "nosort", "LIMIT", from, AHEAD, "GET", base .. "*->failedReason")
  return not found.err and found or nil
end

--[[
  Calls visit(place, reason, name, code) for each job that matches, until it returns true; member
  tells its id and score. With `bare` and no filter, hashes are not looked at; the name is told
  only with `named`.
  Returns whether the end was reached, where it stopped, and how many job hashes were gone.
]]
local function walk(visit, bare, named)
  local name = ARGV[6] ~= "" and string.sub(ARGV[6], 2)
  local code = ARGV[7] ~= "" and string.sub(ARGV[7], 2)
  local count = find_place()
  local size = math.min(tonumber(ARGV[8]), left)
  local quick = count > MANY and not name and not named and not find(base, "*", 1, true)
  bare = bare and not name and not code
  if size > 0 and not (quick and not code) then
    members = range(first, first + size - 1)
  end
  local reasons, bytes, vanished, place, stop = nil, 0, 0, 0, false
  while place < size and not stop and bytes <= MOST_BYTES and effort <= MOST_EFFORT do
    place = place + 1
    effort = effort + 1
    if bare then
      stop = visit(place)
    else
      if quick and place % AHEAD == 1 then
        reasons = reasons_from(place)
        quick = reasons ~= nil
      end
      local reason, called = reasons and reasons[(place - 1) % AHEAD + 1], nil
      if not reason then
        members = members or range(first, first + size - 1)
        reason, called = look_up(member(place))
      end
      if not reason then
        vanished = vanished + 1
      elseif not name or called == name then
        local found = failure_code(reason)
        if not code or found == code then
          stop = visit(place, reason, called, found)
        end
        bytes = bytes + #reason
      end
    end
  end
  local at = { ARGV[2], ARGV[3] }
  if place > 0 then
    local id, score = member(place)
    at = { score, to_hex(id) }
  end
  return place >= left, at, vanished
end
