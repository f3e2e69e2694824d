// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/forms.h"

#include <vector>

namespace rhumb {

const std::vector<const Form*>& AllForms() {
  static const std::vector<const Form*> forms = {
      &ChinchillaForm(),       &CoupledForm(),          &DataConstrainedForm(),
      &OvertrainingForm(),     &KaplanTokensForm(),     &KaplanStepsForm(),
      &ParamsPowerForm(),      &TokensPowerForm(),      &FlopsPowerForm(),
      &PlainParamsPowerForm(), &PlainTokensPowerForm(), &PlainFlopsPowerForm()};
  return forms;
}

const Form* FindForm(absl::string_view name) {
  for (const Form* form : AllForms()) {
    if (form->name() == name) return form;
  }
  return nullptr;
}

}  // namespace rhumb
