-- Reads, and changes nothing.
return answer('ok', now())
