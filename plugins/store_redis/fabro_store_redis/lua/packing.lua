-- Answers are one MessagePack value each: what was stored packed is spliced into it, never unpacked.

local NIL = '\192'

local function array(length) return struct.pack('>BI4', 0xdd, length) end
local function int(number) return struct.pack('>Bi8', 0xd3, number) end
local function text(bytes) return struct.pack('>BI4', 0xdb, #bytes) .. bytes end
local function bool(value) return value and '\195' or '\194' end
