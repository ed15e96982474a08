# Jobs for the Sidekiq middleware of the examples, a line each.
require "socket"
require "sidekiq"
require "sidekiq/testing"
require_relative ENV.fetch("GATE")

$connection, $ran = nil, nil
class CasesJob
  include Sidekiq::Job
  def perform
    $connection ||= TCPSocket.new("127.0.0.1", ARGV[0].to_i)
    $ran = "ok"
  end
end

Sidekiq.logger.level = Logger::FATAL
Sidekiq::Testing.fake!
Sidekiq::Testing.server_middleware { |chain| chain.add SidecarGate, -> { $connection } }
$stdout.sync = true
while (line = $stdin.gets)
  said = "done"
  case line.chomp
  when "get", "still" # the job that waits, or a new one
    CasesJob.perform_async if CasesJob.jobs.empty?
    $ran = nil
    CasesJob.perform_one
    said = $ran || (CasesJob.jobs.size == 1 && CasesJob.jobs[0]["at"] > Time.now.to_f + 20 ? "NotReady" : "the job is gone")
  when "lost"
    $connection = nil
    SidecarGate.instance_variable_set(:@asked, -60)
  end
  puts said
end
