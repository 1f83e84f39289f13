// The Lua scripts that Redis runs for the shared limits. The arithmetic is that of bucket.ts, in
// microseconds, and of quota.ts.

/**
 * Quota sums only ever increase: a sum below the known one was lost, and is restored. Usage added
 * between the loss and the restoring may be overwritten: after a loss, a quota may be exceeded by
 * that much and no more. A value that is not one of our sums, and a key that is not a hash, come
 * from another program and are replaced by the known sum. Returns nil and the error when Redis
 * rejects the command: it may concern this account alone.
 */
const sumOf = `
local most = 9007199254740991
local function isError(reply)
  return type(reply) == 'table' and reply.err ~= nil
end
local function sumOf(hash, keptMs, field, known)
  known = tonumber(known)
  local value = redis.pcall('HGET', hash, field)
  if isError(value) and string.find(value.err, 'WRONGTYPE', 1, true) then
    local deleted = redis.pcall('DEL', hash)
    if isError(deleted) then return nil, deleted end
    value = false
  end
  if isError(value) then return nil, value end
  local sum = -1
  if not value then
    sum = 0
  elseif (value == '0' or string.find(value, '^[1-9]%d*$')) and tonumber(value) <= most then
    sum = tonumber(value)
  end
  if known <= sum then return sum end
  local written = redis.pcall('HSET', hash, field, string.format('%.0f', known))
  if isError(written) then return nil, written end
  redis.pcall('PEXPIRE', hash, keptMs)
  return known
end
local function add(hash, keptMs, field, sum, more)
  if sum + more > most then
    local written = redis.pcall('HSET', hash, field, string.format('%.0f', most))
    if isError(written) then return nil, written end
    return most
  end
  local added = redis.pcall('HINCRBY', hash, field, string.format('%.0f', more))
  if isError(added) then return nil, added end
  redis.pcall('PEXPIRE', hash, keptMs)
  return added
end
`;

/**
 * Buckets by the clock of the server. The stored number is the time at which the bucket is full.
 */
const buckets = `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local function debtOf(bucket)
  return math.max(0, (tonumber(redis.pcall('GET', bucket)) or 0) - now)
end
local function owe(bucket, debt)
  redis.call('SET', bucket, string.format('%.0f', now + debt), 'PX', math.ceil(debt / 1000) + 1)
end
`;

/**
 * KEYS: the buckets, then one quota hash per period. ARGV: the number of buckets; for each the
 * microseconds per token, the burst and the cost; if there are hashes, the names of their fields
 * for requests, returned, bytes and tokens, and for each hash its expiry in milliseconds, the four
 * known sums, and the three at which a quota is used up, or ''. Returns {index of the rejecting
 * bucket or quota, microseconds to wait, 1 when the quotas were counted or 0 when Redis rejected
 * them, the debt of each bucket in microseconds, the four sums of each hash}. The index is -1 when
 * nothing rejected; quotas are numbered after the buckets, three per hash. When Redis rejects the
 * quotas, the buckets alone decide. Numbers are stored as text without loss: microseconds since
 * 1970 are below 2^53. A full bucket is an absent one, hence the expiry; a value that is not a
 * number is foreign and is overwritten. The script writes whatever the verdict, so that a Redis
 * that accepts no writes (READONLY, OOM) fails at once, and a rejected request cannot make it look
 * recovered.
 */
export const takeScript: string =
  buckets +
  sumOf +
  `
local buckets, refusedBy, wait, counted = tonumber(ARGV[1]), -1, 0, 1
local debts, sums = {}, {}
for i = 1, buckets do
  local token, burst, cost = tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1])
  local debt = debtOf(KEYS[i])
  if debt > 2 * burst * token then
    debt = 2 * burst * token
    owe(KEYS[i], debt)
  end
  debts[i] = debt
  local missing = debt + cost * token - burst * token
  if missing > 1 and missing > wait then
    refusedBy, wait = i - 1, missing
  end
end
local names = 3 * buckets + 1
local refusedByQuota = -1
for hash = buckets + 1, #KEYS do
  local at = names + 4 + 8 * (hash - buckets - 1)
  local sum = {0, 0, 0, 0}
  for field = 1, 4 do
    sum[field] = counted == 1 and sumOf(KEYS[hash], ARGV[at + 1], ARGV[names + field], ARGV[at + 1 + field])
    if not sum[field] then
      sum[field], counted = 0, 0
    end
  end
  local used = {sum[1] - sum[2], sum[3], sum[4]}
  for quota = 3, 1, -1 do
    local limit = tonumber(ARGV[at + 5 + quota])
    if limit and used[quota] >= limit then refusedByQuota = buckets + 3 * (hash - buckets - 1) + quota - 1 end
  end
  sums[hash - buckets] = sum
end
if counted == 1 and refusedByQuota ~= -1 then
  refusedBy, wait = refusedByQuota, 0
end
for i = 1, buckets do
  if refusedBy == -1 then debts[i] = debts[i] + tonumber(ARGV[3 * i + 1]) * tonumber(ARGV[3 * i - 1]) end
  if refusedBy == -1 or i == 1 then owe(KEYS[i], debts[i]) end
end
if refusedBy == -1 then
  for i, sum in ipairs(sums) do
    if counted == 1 then
      local added = add(KEYS[buckets + i], ARGV[names + 5 + 8 * (i - 1)], ARGV[names + 1], sum[1], 1)
      if added then
        sum[1] = added
      else
        counted = 0
        for before = 1, i - 1 do redis.pcall('HINCRBY', KEYS[buckets + before], ARGV[names + 1], -1) end
      end
    end
  end
end
local reply = {refusedBy, math.ceil(wait), counted}
for i = 1, buckets do reply[#reply + 1] = math.ceil(debts[i]) end
for _, sum in ipairs(sums) do
  for field = 1, 4 do reply[#reply + 1] = sum[field] end
end
return reply
`;

/**
 * KEYS: buckets. ARGV: the microseconds to charge each, whatever is left, or to refund if negative.
 * Returns the debt of each in microseconds.
 */
export const payScript: string =
  buckets +
  `
local debts = {}
for i, key in ipairs(KEYS) do
  local debt = math.max(0, debtOf(key) + tonumber(ARGV[i]))
  if debt > 0 then
    owe(key, debt)
  else
    redis.call('DEL', key)
  end
  debts[i] = math.ceil(debt)
end
return debts
`;

/**
 * KEYS: the key of the epoch. ARGV: a new epoch, used if there is none because the server is new or
 * lost its data. Returns the epoch.
 */
export const epochScript = `
local epoch = redis.pcall('GET', KEYS[1])
if type(epoch) ~= 'string' then
  redis.call('SET', KEYS[1], ARGV[1])
  epoch = ARGV[1]
end
return epoch
`;

/**
 * KEYS: the key of the writer, then quota hashes. ARGV: the number of the batch, then for each
 * change the index of its hash in KEYS, the expiry of the hash in milliseconds, the field name, the
 * known sum, and the amount to add. A batch whose number is known was added before, and its reply
 * was lost. Returns the sum of each. Adds nothing before every sum is read: after an error the
 * whole batch is sent again.
 */
export const addScript: string =
  sumOf +
  `
local fresh = redis.pcall('GET', KEYS[1]) ~= ARGV[1]
local sums = {}
for at = 2, #ARGV, 5 do
  local sum, problem = sumOf(KEYS[tonumber(ARGV[at])], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3])
  if not sum then return problem end
  sums[#sums + 1] = sum
end
for i, sum in ipairs(sums) do
  local at = 5 * i - 3
  local more = tonumber(ARGV[at + 4])
  if fresh and more > 0 then
    local added, problem = add(KEYS[tonumber(ARGV[at])], ARGV[at + 1], ARGV[at + 2], sum, more)
    if not added then return problem end
    sums[i] = added
  end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', 86400000)
return sums
`;

/**
 * KEYS: quota hashes. Returns for each a list of field, sum, …; empty for a key that another
 * program uses for something else.
 */
export const readScript = `
local hashes = {}
for i, key in ipairs(KEYS) do
  local hash = redis.pcall('HGETALL', key)
  if hash.err and string.find(hash.err, 'WRONGTYPE', 1, true) then hash = {} end
  if hash.err then return hash end
  hashes[i] = hash
end
return hashes
`;
