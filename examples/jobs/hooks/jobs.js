// Counts the words of each job, step by step. It runs after the job is committed, at least once: a job that was
// finished before the server stopped is not done again.

const STEPS = 4;

onRecordBeforeCreate((e) => {
  e.record.status = "waiting";
  e.record.words = null;
}, { collection: "jobs", stopOnError: true });

onRecordAfterCreate((e) => {
  const jobs = records("jobs");
  const job = jobs.get(e.record.id);
  if (job.status === "finished") return;

  const words = job.text.split(/\s+/).filter((word) => word !== "");
  const counts = {};
  for (let step = 0; step < STEPS; step++) {
    const part = words.slice((words.length * step) / STEPS, (words.length * (step + 1)) / STEPS);
    for (const word of part) counts[word] = (counts[word] ?? 0) + 1;
    publish("jobs/progress", { id: job.id, percent: (100 * (step + 1)) / STEPS });
  }
  jobs.update(job.id, { status: "finished", words: counts });
  publish("jobs/finished", { id: job.id, words: counts });
  log("counted", words.length, "words of", job.id);
}, { collection: "jobs" });
