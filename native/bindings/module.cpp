// The only file besides parse_plan that knows Python.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <optional>
#include <string>

#include "bindings/parse_plan.h"
#include "isa/instruction_set.h"
#include "kernels/operations.h"
#include "runtime/executor.h"

namespace nb = nanobind;

namespace pellucid {
namespace {

const KernelTable& kernels_of(const std::string& name) {
  for (const InstructionSet& set : available_instruction_sets()) {
    if (set.name == name) return *set.kernels;
  }
  throw nb::value_error(("this machine cannot run " + name).c_str());
}

// Read-only arrays are accepted, for inputs often are; which external a plan writes is the compiler's
// business.
using Array = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;
using Bytes = nb::ndarray<std::uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using ConstantBytes = nb::ndarray<const std::uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

void check_range(const State& state, std::size_t offset, std::size_t bytes) {
  if (offset > state.memory.size() || bytes > state.memory.size() - offset) {
    throw nb::index_error("outside the program's state");
  }
}

void write_state(State& state, std::size_t offset, const ConstantBytes& from) {
  check_range(state, offset, from.size());
  const nb::gil_scoped_release release;  // a run may hold the lock for a while
  const std::unique_lock lock(state.mutex);
  std::memcpy(state.memory.data() + offset, from.data(), from.size());
  ++state.version;
}

void read_state(State& state, std::size_t offset, const Bytes& to) {
  check_range(state, offset, to.size());
  const nb::gil_scoped_release release;
  const std::shared_lock lock(state.mutex);
  std::memcpy(to.data(), state.memory.data() + offset, to.size());
}

std::int64_t run(Executor& executor, State& state, const std::vector<std::optional<Array>>& externals,
                 std::int64_t images, std::int64_t batch_size, const std::vector<double>& learning_rates,
                 std::int64_t first_step, std::uint64_t seed, int workers) {
  if (batch_size < 1 || batch_size > executor.plan().capacity || images < 0) {
    throw nb::value_error("a batch has from one image to as many as the plan's capacity");
  }
  if (workers > 1 && (executor.plan().shards > 1 || executor.plan().changes_state)) {
    throw nb::value_error("workers take batches of a plan for one shard that changes no state");
  }
  RunRequest request;
  for (const auto& array : externals)
    request.externals.push_back(array ? const_cast<void*>(array->data()) : nullptr);
  request.images = images;
  request.batch_size = batch_size;
  request.first_step = first_step;
  request.seed = seed;
  request.learning_rates = learning_rates.data();
  request.workers = workers;
  const nb::gil_scoped_release release;
  return executor.run(state, request);
}

}  // namespace
}  // namespace pellucid

NB_MODULE(_native, module) {
  using namespace pellucid;
  nb::class_<State>(module, "State")
      .def(nb::init<std::size_t>(), nb::arg("bytes"))
      .def("write", &write_state, nb::arg("offset"), nb::arg("values"))
      .def("read", &read_state, nb::arg("offset"), nb::arg("values"));
  nb::class_<Executor>(module, "Executor")
      .def(
          "__init__",
          [](Executor* self, const std::string& instruction_set, const nb::dict& description, bool poison) {
            new (self) Executor(parse_plan(description, kernels_of(instruction_set)), poison);
          },
          nb::arg("instruction_set"), nb::arg("description"), nb::arg("poison") = false)
      .def("run", &run, nb::arg("state"), nb::arg("externals"), nb::arg("images"), nb::arg("batch_size"),
           nb::arg("learning_rates"), nb::arg("first_step"), nb::arg("seed"), nb::arg("workers") = 1)
      .def_prop_ro("workspace_bytes", [](const Executor& self) { return self.plan().workspace_bytes(); });
  module.def("available_instruction_sets", [] {
    std::vector<std::string> names;
    for (const InstructionSet& set : available_instruction_sets()) names.emplace_back(set.name);
    return names;
  });
  module.def("compiled_instruction_sets", [] {
    std::vector<std::string> names;
    for (const std::string_view name : compiled_instruction_sets()) names.emplace_back(name);
    return names;
  });
  module.def("processor_features", &processor_features);
  module.def("lanes", [](const std::string& instruction_set) { return kernels_of(instruction_set).lanes; });
  module.def("compiler", [] { return std::string(__VERSION__); });
}
