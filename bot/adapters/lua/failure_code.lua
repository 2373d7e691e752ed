--[[
  The code of a failed reason: what failures are grouped by. Its twin in Python is
  bot/domain/failures.py, which also says the rules in words; both pass the same vectors.
  Everything works on bytes and masks ASCII only, so that valid UTF-8 stays valid.
]]

local find, gsub, match = string.find, string.gsub, string.match

-- Cuts before byte `most + 1`, never inside a UTF-8 character.
local function cut_bytes(text, most)
  if #text <= most then
    return text
  end
  local keep = most
  for _ = 1, 3 do
    local following = string.byte(text, keep + 1)
    if following < 128 or following > 191 then
      break
    end
    keep = keep - 1
  end
  return string.sub(text, 1, keep)
end

-- Cuts after `most` characters (bytes that do not continue a character) and says so.
local function cut_characters(text, most)
  if #text <= most then
    return text
  end
  local seen = 0
  for place = 1, #text do
    local byte = string.byte(text, place)
    if byte < 128 or byte > 191 then
      seen = seen + 1
      if seen > most then
        return string.sub(text, 1, place - 1) .. "\226\128\166"
      end
    end
  end
  return text
end

-- The length of the valid UTF-8 character at `place`, 0 when there is none.
local function character_length(text, place)
  local first, second = string.byte(text, place, place + 1)
  local low, high, length = 128, 191, 0
  if first >= 194 and first <= 223 then
    length = 2
  elseif first >= 224 and first <= 239 then
    length = 3
    if first == 224 then low = 160 elseif first == 237 then high = 159 end
  elseif first >= 240 and first <= 244 then
    length = 4
    if first == 240 then low = 144 elseif first == 244 then high = 143 end
  else
    return 0
  end
  if not second or second < low or second > high then
    return 0
  end
  for further = place + 2, place + length - 1 do
    local byte = string.byte(text, further)
    if not byte or byte < 128 or byte > 191 then
      return 0
    end
  end
  return length
end

-- Replaces each byte that is no part of valid UTF-8 by a question mark.
local function repair_utf8(text)
  if not string.find(text, "[\128-\255]") then
    return text
  end
  local parts, place = {}, 1
  while place <= #text do
    local length = 1
    if string.byte(text, place) < 128 then
      parts[#parts + 1] = string.sub(text, place, place)
    else
      length = character_length(text, place)
      parts[#parts + 1] = length == 0 and "?" or string.sub(text, place, place + length - 1)
      if length == 0 then length = 1 end
    end
    place = place + length
  end
  return table.concat(parts)
end

local function leading_word(text)
  local word = string.match(text, "^[A-Z][A-Z0-9_][A-Z0-9_]+")
  if not word or #word > 100 then
    return nil
  end
  local following = string.sub(text, #word + 1, #word + 1)
  if string.find(following, "%w") then
    return nil
  end
  if following == "" or following == ":" or string.find(word, "_", 1, true) then
    return word
  end
  return nil
end

-- Each mask is looked for before it is applied: a search is several times cheaper than a gsub.
local function mask_quoted(text)
  if find(text, '"', 1, true) then
    text = gsub(text, '"[^"]*"', "\1")
    text = gsub(text, '"[^"]*$', "\1")
  end
  if find(text, "`", 1, true) then
    text = gsub(text, "`[^`]*`", "\1")
  end
  if find(text, "'", 1, true) then
    text = string.sub(gsub(" " .. text, "([^%w])'[^']*'", "%1\1"), 2)
  end
  return text
end

local function first_line(text)
  if find(text, "%c") then
    text = string.match(text, "^[^\r\n]*")
    text = gsub(text, "[%c ]+", " ")
  elseif find(text, "  ", 1, true) then
    text = gsub(text, " +", " ")
  end
  if string.byte(text, -1) == 32 then
    text = string.sub(text, 1, -2)
  end
  return text
end

local function masked(text)
  text = mask_quoted(text)
  if find(text, "%d") then
    text = gsub(text, "%f[%w]%a*%d%w*", "#")
  end
  if find(text, "#[#%.,:%-]") then
    text = gsub(text, "#[#%.,:%-]*#", "#")
  end
  if find(text, "\1", 1, true) then
    text = gsub(text, "\1", '"\226\128\166"')
  end
  return cut_characters(repair_utf8(text), 100)
end

local UUID = "%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x"

-- Codes found in this call, by the text with each run of digits made "0": the masks that follow
-- make no difference between runs of digits. `effort` is what it cost, in looks at one job.
local remembered, effort = {}, 0

-- A key under which the code of a reason can be remembered before anything is cut off it; nil where
-- its digits may count: in a leading word, in a UUID, or where it is cut.
local function key_of(reason)
  if #reason > 1000 then
    return nil
  end
  if find(reason, "-", 1, true) and find(reason, "%-%x%x%x%x%-%x%x%x%x%-") then
    return nil
  end
  if find(reason, "^[%c ]*[A-Z][A-Z0-9_][A-Z0-9_]") then
    return nil
  end
  return (gsub(reason, "%d+", "0"))
end

local function code_of(text)
  if find(text, "^[%c ]") then
    text = string.match(text, "^[%c ]*(.*)$")
  end
  text = cut_bytes(text, 1000)
  if text == "" then
    return "(no reason)"
  end
  local word = leading_word(text)
  if word then
    return word
  end
  text = first_line(text)
  if #text >= 36 and find(text, "-", 1, true) then
    text = gsub(text, UUID, "#")
  end
  local alike = gsub(text, "%d+", "0")
  local code = remembered[alike]
  effort = effort + 1
  if not code then
    code = masked(text)
    remembered[alike] = code
    effort = effort + 2 + #text / 10
  end
  return code
end

local function failure_code(reason)
  reason = reason or ""
  local word = match(reason, "^([A-Z][A-Z0-9_][A-Z0-9_]+):")
  if word and #word <= 100 then
    return word
  end
  local key = key_of(reason)
  local code = key and remembered[key]
  if not code then
    code = code_of(reason)
    if key then
      remembered[key] = code
    end
  end
  return code
end
