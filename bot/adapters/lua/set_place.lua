-- Places in a sorted set that stay right while members leave and join: a score, and an id in hex.

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

-- How many members of `key` lie before (score, id); with `through`, that one counts too if it is there.
local function rank_at(key, score, id, through)
  local low = redis.call("ZCOUNT", key, "-inf", "(" .. score)
  local high = low + redis.call("ZCOUNT", key, score, score)
  while low < high do
    local middle = math.floor((low + high) / 2)
    local member = redis.call("ZRANGE", key, middle, middle)[1]
    if less(member, id) or (through and member == id) then
      low = middle + 1
    else
      high = middle
    end
  end
  return low
end
