--[[
  What a job is about: the values at dotted paths of its data, as text. Texts and numbers count;
  a text is at most `LONGEST_VALUE` bytes. Data over `MOST_DATA` bytes is not decoded.
]]
--- @include "job_fields"
local MOST_DATA, LONGEST_VALUE = 65536, 256

local function split_path(path)
  local steps = {}
  for step in string.gmatch(path, "[^.]+") do
    steps[#steps + 1] = step
  end
  return steps
end

local function as_text(value)
  if type(value) == "string" and value ~= "" and #value <= LONGEST_VALUE then
    return value
  end
  if type(value) == "number" and value == value and math.abs(value) < 9007199254740992 then
    return string.format(value == math.floor(value) and "%.0f" or "%.14g", value)
  end
  return nil
end

local function value_at(decoded, steps)
  for _, step in ipairs(steps) do
    if type(decoded) ~= "table" then
      return nil
    end
    decoded = decoded[step]
  end
  return as_text(decoded)
end

-- The values of the paths (false where there is none), or nil with "gone" or "unread"; and the
-- bytes that were decoded.
local function job_values(key, paths)
  local size = redis.pcall("HSTRLEN", key, "data")
  if type(size) == "number" and size > MOST_DATA then
    return nil, "unread", 0
  end
  local fields = job_fields(key, "data")
  if not fields or not fields[1] then
    return nil, "gone", 0
  end
  local read, decoded = pcall(cjson.decode, fields[1])
  if not read then
    return nil, "unread", #fields[1]
  end
  local values = {}
  for place, steps in ipairs(paths) do
    values[place] = value_at(decoded, steps) or false
  end
  return values, nil, #fields[1]
end
