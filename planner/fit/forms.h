// SPDX-License-Identifier: Apache-2.0
// The forms that can be fitted, by name.
#ifndef RHUMB_PLANNER_FIT_FORMS_H_
#define RHUMB_PLANNER_FIT_FORMS_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "planner/fit/form.h"

namespace rhumb {

// Every form, the default first; the same objects on every call.
const std::vector<const Form*>& AllForms();

// nullptr if there is no such name.
const Form* FindForm(absl::string_view name);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_FORMS_H_
