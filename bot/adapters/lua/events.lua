--[[
  The next step through an events stream.
  KEYS[1] `prefix:queue:events`, ARGV[1] the cursor.
]]
--- @include "events_read"
return cjson.encode(read_after(KEYS[1], ARGV[1]))
