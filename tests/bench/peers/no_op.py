"""Measures no-op tasks per second of another task runner with two workers on this machine.
Called by run.sh, which also measures DAGAN-Sweep.

    python no_op.py dask|libensemble|hyperqueue N        mpirun -n 3 python -m mpi4py.futures no_op.py mpi4py N

None of these programs makes a result durable before it counts."""
import importlib.metadata
import os
import sys
import tempfile
import time


def no_op(x):
    return x


def report(package, tasks, seconds, what="an empty function"):
    print(f"{package} {importlib.metadata.version(package)}: {tasks / seconds:.0f} tasks/s ({what})", flush=True)


def mpi4py(tasks):
    from mpi4py.futures import MPIPoolExecutor

    with MPIPoolExecutor() as pool:
        list(pool.map(no_op, range(200)))
        began = time.perf_counter()
        assert len(list(pool.map(no_op, range(tasks)))) == tasks
        report("mpi4py", tasks, time.perf_counter() - began)


def dask(tasks):
    from distributed import Client, LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1") as cluster:
        with Client(cluster) as client:
            client.gather(client.map(no_op, range(100)))
            began = time.perf_counter()
            assert len(client.gather(client.map(no_op, range(1000, 1000 + tasks)))) == tasks
            report("distributed", tasks, time.perf_counter() - began)


def simulate_nothing(history, _persistent, _specs, *_):
    import numpy

    out = numpy.zeros(1, dtype=[("when", float)])
    out["when"] = time.time()
    return out, None


def libensemble(tasks):
    import numpy
    from libensemble.alloc_funcs.give_pregenerated_work import give_pregenerated_sim_work
    from libensemble.libE import libE

    os.chdir(tempfile.mkdtemp())
    start = numpy.zeros(tasks, dtype=[("x", float), ("sim_id", int), ("sim_started", bool)])
    start["sim_id"] = range(tasks)
    history, _, _ = libE({"sim_f": simulate_nothing, "in": ["x"], "out": [("when", float)]}, {}, {"sim_max": tasks}, {},
                         {"alloc_f": give_pregenerated_sim_work},
                         {"nworkers": 2, "comms": "local", "disable_log_files": True, "safe_mode": False,
                          "save_H_and_persis_on_abort": False}, H0=start)
    assert (history["when"] > 0).sum() == tasks
    report("libensemble", tasks, history["when"].max() - history["when"].min())


def hyperqueue(tasks):
    import hyperqueue.client
    from hyperqueue import Job, LocalCluster
    from hyperqueue.cluster import WorkerConfig

    hyperqueue.client.create_progress_callback = lambda: (lambda jobs: None)
    folder = tempfile.mkdtemp()
    last = folder + "/last"
    with LocalCluster(server_dir=tempfile.mkdtemp()) as cluster:
        for _ in range(2):
            cluster.start_worker(WorkerConfig(cores=1))
        job = Job(folder)
        all_tasks = [job.program(["/bin/true"], stdout=None, stderr=None) for _ in range(tasks)]
        job.program(["sh", "-c", "date +%s.%N >" + last], stdout=None, stderr=None, deps=all_tasks)
        began = time.time()
        cluster.client().wait_for_jobs([cluster.client().submit(job)])
        with open(last) as file:
            report("hyperqueue", tasks, float(file.read()) - began, "a process per task, /bin/true")


if __name__ == "__main__":
    globals()[sys.argv[1]](int(sys.argv[2]))
