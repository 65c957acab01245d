#include "bindings/parse_plan.h"

#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cstring>
#include <string>
#include <utility>

#include "kernels/operations.h"

namespace nb = nanobind;

namespace pellucid {
namespace {

std::size_t operation_number(const std::string& name) {
  const auto list = operations();
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i].name == name) return i;
  }
  throw nb::value_error(("no kernel " + name).c_str());
}

std::vector<std::int64_t> parse_attributes(const Operation& operation, const nb::dict& given) {
  std::vector<std::int64_t> attributes;
  for (const Field& field : operation.fields) {
    if (!given.contains(field.name)) {
      throw nb::value_error((std::string(operation.name) + " needs the attribute " + field.name).c_str());
    }
    const nb::object value = given[field.name];
    std::int64_t slot = 0;
    if (field.is_real) {
      const auto real = nb::cast<double>(value);
      std::memcpy(&slot, &real, sizeof slot);
    } else {
      slot = nb::cast<std::int64_t>(value);
    }
    attributes.push_back(slot);
  }
  if (given.size() != operation.fields.size()) {
    throw nb::value_error((std::string(operation.name) + " was given attributes it does not have").c_str());
  }
  return attributes;
}

Step parse_step(const nb::tuple& given, const KernelTable& kernels) {
  const std::size_t number = operation_number(nb::cast<std::string>(given[0]));
  const Operation& operation = operations()[number];
  Step step;
  step.kernel = kernels.kernels[number];
  for (const auto& [scope, offset] : nb::cast<std::vector<std::pair<int, std::int64_t>>>(given[1])) {
    step.operands.push_back({static_cast<Scope>(scope), offset});
  }
  if (std::cmp_not_equal(step.operands.size(), operation.operands)) {
    throw nb::value_error((std::string(operation.name) + " was given a wrong number of operands").c_str());
  }
  step.attributes = parse_attributes(operation, nb::cast<nb::dict>(given[2]));
  step.extent = nb::cast<std::int64_t>(given[3]);
  step.scale = static_cast<Scale>(nb::cast<int>(given[4]));
  return step;
}

std::vector<Step> parse_steps(nb::handle given, const KernelTable& kernels) {
  std::vector<Step> steps;
  for (const nb::handle step : given) steps.push_back(parse_step(nb::cast<nb::tuple>(step), kernels));
  return steps;
}

std::vector<Phase> parse_phases(nb::handle given, const KernelTable& kernels) {
  std::vector<Phase> phases;
  for (const nb::handle entry : given) {
    const auto phase = nb::cast<nb::tuple>(entry);
    phases.push_back({.iteration = static_cast<Iteration>(nb::cast<int>(phase[0])),
                      .prologue = parse_steps(phase[1], kernels),
                      .steps = parse_steps(phase[2], kernels),
                      .units = nb::cast<std::int64_t>(phase[3]),
                      .chunk = nb::cast<std::int64_t>(phase[4])});
  }
  return phases;
}

}  // namespace

Plan parse_plan(const nb::dict& description, const KernelTable& kernels) {
  const auto number = [&](const char* name) { return nb::cast<std::int64_t>(description[name]); };
  Plan plan;
  plan.phases = parse_phases(description["phases"], kernels);
  plan.preparation = parse_phases(description["preparation"], kernels);
  plan.lanes = number("lanes");
  plan.shards = number("shards");
  plan.capacity = number("capacity");
  plan.batch_bytes = number("batch_bytes");
  plan.shard_bytes = number("shard_bytes");
  plan.tile_bytes = number("tile_bytes");
  plan.prepared_bytes = number("prepared_bytes");
  plan.changes_state = nb::cast<bool>(description["changes_state"]);
  return plan;
}

}  // namespace pellucid
