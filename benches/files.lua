-- Load of the file benchmark: wrk ... URL -- COUNT
-- Asks for one of COUNT files after the other, in random order.

local count

function init(args)
  count = tonumber(args[1])
  math.randomseed(1)
end

function request()
  local n = math.random(0, count - 1)
  return wrk.format("GET", string.format("/%d/%d.bin", n % 100, n))
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    'SUMMARY {"requests":%d,"seconds":%.6f,"bytes":%d,"errors":%d}\n',
    summary.requests, summary.duration / 1e6, summary.bytes,
    e.connect + e.read + e.write + e.timeout + e.status))
end
