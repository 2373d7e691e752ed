--[[
  Moves failed jobs back to waiting, each only while it is the failure it was asked with, by
  BullMQ's own script.

  After the guard's: ARGV[5] "1" for fresh attempts, ARGV[6] as JSON an id and its score in `failed`
  for each job, all of them texts and no id twice: one argument, as to send and read hundreds takes
  longer. Returns { a verdict for each, what went wrong or nil }.
]]
--- @include "guard"
--- @include "verdicts"
--- @include "job_fitness"
--- @include "reprocess"

local refusal = guard({
  failed = "zset",
  wait = "list",
  active = "list",
  prioritized = "zset",
  marker = "zset",
  pc = "string",
  events = "stream",
})
if refusal then
  return refusal
end

-- As BullMQ on Node reads `opts.lifo`: anything but false, nothing, zero and the empty text.
local function push_command(opts)
  if opts and string.find(opts, '"lifo"', 1, true) then
    local readable, decoded = pcall(cjson.decode, opts)
    local lifo = readable and type(decoded) == "table" and decoded.lifo
    if lifo and lifo ~= cjson.null and lifo ~= 0 and lifo ~= "" then
      return "RPUSH"
    end
  end
  return "LPUSH"
end

local jobs, pushes = {}, {}
local push_of = {} -- by options, which most jobs share

local function is_same(score, failed_at)
  if score == failed_at then
    return true
  end
  score = tonumber(score or nil)
  if not score or math.abs(score) == math.huge then
    return false
  end
  return (score < 0 and math.ceil(score) or math.floor(score)) == tonumber(failed_at)
end

local function judge(id, score, failed_at, place)
  if not is_same(score, failed_at) then
    return CHANGED
  end
  local fields = job_fields(base .. id)
  if not fields then
    return VANISHED
  end
  local options = fields[2] or ""
  push_of[options] = push_of[options] or push_command(options)
  jobs[place], pushes[place] = fields, push_of[options]
  return fits(fields) and DONE or LEFT_OUT
end

local function scores_of(ids)
  local scores = rpcall("ZMSCORE", base .. "failed", unpack(ids)) -- since Redis 6.2
  if scores.err then
    scores = {}
    for place, id in ipairs(ids) do
      scores[place] = rcall("ZSCORE", base .. "failed", id)
    end
  end
  return scores
end

local ids, failed_at, verdicts = {}, {}, {}
local asked = ARGV[FIRST + 1] and cjson.decode(ARGV[FIRST + 1]) or {}
for place = 1, #asked / 2 do
  ids[place], failed_at[place] = asked[2 * place - 1], asked[2 * place]
end
local before, scores = all_already(ids), scores_of(ids)
for place, id in ipairs(ids) do
  verdicts[place] = before[place] == 1 and ALREADY or judge(id, scores[place], failed_at[place], place)
end
local answer = carry_out(ids, verdicts, function(id, place)
  return move(id, jobs[place], pushes[place])
end)
settle()
return answer
