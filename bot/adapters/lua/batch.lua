--[[
  The set of a batch of an archive (an include, after guard.lua): what is removed for it.

  Where the batch is closed (SUFFIX:closed is there), nothing may be removed: another process has
  settled it, so what would be removed now would be in no archive.
]]
local batch_set, batch_kept, batch_closed = nil, 0, false

-- By its suffix, "" for none, and for how long it lasts, in ms. The refusal; nil where it is whole.
local function open_batch(suffix, kept)
  if suffix == "" then
    return nil
  end
  batch_set, batch_kept = base .. suffix, tonumber(kept)
  if not is(batch_set, "set") then
    return { "damaged", suffix }
  end
  batch_closed = rcall("EXISTS", batch_set .. ":closed") == 1
  return nil
end

local function batch_is_closed()
  return batch_closed
end

-- Remove one by `remove(id)`, which says whether it did; the set has it before it goes.
local function with_batch(id, remove)
  if batch_set then
    rcall("SADD", batch_set, id)
    rcall("PEXPIRE", batch_set, batch_kept)
  end
  local removed = remove(id)
  if batch_set and not removed then
    rcall("SREM", batch_set, id)
  end
  return removed
end
