# Sidekiq: a job waits in the queue while the sidecar says no, unless the database is connected already.
#
#   Sidekiq.configure_server { |config| config.server_middleware { |chain| chain.add SidecarGate } }
#
# Start it with "sidecar run -- sidekiq".
require "net/http"

class SidecarGate
  HOLDS, EVERY, LATER = 60, 2, 30 # seconds: the last answer holds; between two questions; a job waits
  LOCK, @said, @heard, @asked = Mutex.new, false, -HOLDS, -EVERY

  def initialize(connected = -> { ActiveRecord::Base.connected? }) = @connected = connected

  def call(worker, job, _queue)
    return yield if @connected.call || self.class.ready?
    worker.class.set(queue: job["queue"]).perform_in(LATER, *job["args"]) # in place of this one
  end

  def self.ready?(now = Process.clock_gettime(Process::CLOCK_MONOTONIC))
    LOCK.synchronize { ask(now) if now - @asked >= EVERY; @said && now - @heard < HOLDS }
  end

  def self.ask(now)
    @asked, uri = now, URI("#{ENV.fetch('SIDECAR_URL')}/readyz")
    answer = Net::HTTP.start(uri.host, uri.port, open_timeout: 2, read_timeout: 2) { |http| http.get(uri.path) }
    @said, @heard = answer.code == "200", now if %w[200 503].include?(answer.code) # 503 is an answer: no retry
  rescue SystemCallError, IOError, SocketError, Timeout::Error # no sidecar answers
  end
end
