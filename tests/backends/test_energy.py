"""Energy and driver: what NVIDIA's library says, and nothing where it cannot say it."""

import ctypes

from reelkiln.backends.energy import GpuMeter, gpu_joules, gpu_meter


class Library:
    """NVML's functions by their signatures in nvml.h, for one GPU with the index 0."""

    def __init__(self, counter=0):
        self.counter = counter

    def nvmlSystemGetDriverVersion(self, text, length):
        ctypes.memmove(text, b"595.71.05\0", 10)
        return 0 if length >= 10 else 7

    def nvmlDeviceGetHandleByIndex_v2(self, index, handle):
        return 0 if index == 0 else 2

    def nvmlDeviceGetTotalEnergyConsumption(self, handle, counted):
        counted._obj.value = 12_500
        return self.counter


def test_without_a_driver_nothing_is_known():
    with gpu_meter() as meter:
        assert meter.joules() is None or meter.driver


def test_millijoules_become_joules():
    meter = GpuMeter(Library())
    assert meter.driver == "595.71.05"
    assert meter.joules() == 12.5


def test_a_night_on_two_gpus_is_counted_together(monkeypatch):
    class Two(Library):
        def nvmlInit_v2(self):
            return 0

        def nvmlShutdown(self):
            return 0

        def nvmlDeviceGetHandleByIndex_v2(self, index, handle):
            return 0 if index < 2 else 2

    monkeypatch.setattr(ctypes, "CDLL", lambda name: Two())
    with gpu_joules(("0", "1")) as joules:
        assert joules() == 25.0
    with gpu_joules((None,)) as joules:
        assert joules() == 12.5
    for unknown in (("0", "7"), ()):  # one that nobody counts; other computers'
        with gpu_joules(unknown) as joules:
            assert joules() is None


def test_a_gpu_without_a_counter_is_not_known():
    assert GpuMeter(Library(counter=3)).joules() is None
    assert GpuMeter(Library(), "4").joules() is None


def test_a_gpu_that_is_called_by_its_uuid_is_the_one_that_is_counted():
    class Named(Library):
        def nvmlDeviceGetHandleByUUID(self, uuid, handle):
            return 0 if uuid == b"GPU-8932f937-d72c-4106-c12f-20bd9faed9f6" else 6

        def nvmlDeviceGetHandleByIndex_v2(self, index, handle):
            raise AssertionError("another GPU")

    assert GpuMeter(Named(), "GPU-8932f937-d72c-4106-c12f-20bd9faed9f6").joules() == 12.5
    assert GpuMeter(Named(), "GPU-8932f937").joules() is None
