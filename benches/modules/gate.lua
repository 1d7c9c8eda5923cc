-- What Lua can do of the gate's work: header checks, three searches in the body, one mark.
function envoy_on_request(handle)
  local headers = handle:headers()
  if headers:get(":method") ~= "POST" or string.find(headers:get(":path"), "/v1/track/", 1, true) ~= 1 then
    return
  end
  local agent = string.lower(headers:get("user-agent") or "")
  for _, word in ipairs({"bot", "crawl", "spider", "headless", "curl/", "python-requests"}) do
    if string.find(agent, word, 1, true) then
      handle:respond({[":status"] = "200", ["content-type"] = "application/json"}, '{"code":"BOT"}')
      return
    end
  end
  local kind = headers:get("content-type") or ""
  local body = handle:body()
  local text = body and body:getBytes(0, body:length()) or ""
  local valid = string.find(kind, "application/json", 1, true) and string.find(text, '"accountId"', 1, true)
    and string.find(text, '"projectId"', 1, true) and string.find(text, '"visitors"', 1, true)
  headers:replace("x-track-verdict", valid and "pass" or "annotate")
end
