-- Fields of a job's hash; nil where the key is no hash (an id such as `wait` or `events`).
local function job_fields(key, ...)
  local fields = redis.pcall("HMGET", key, ...)
  if not fields["err"] then
    return fields
  end
  local kind = redis.call("TYPE", key)["ok"]
  if kind ~= "hash" and kind ~= "none" then
    return nil
  end
  return redis.call("HMGET", key, ...) -- it failed for another reason: let it say so
end
