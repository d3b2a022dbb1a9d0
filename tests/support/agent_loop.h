// A minimal agent for the trainer of a gang: it performs reductions and passes other messages to
// the test.
#pragma once

#include "cluster/gang/gang_reducer.h"
#include "cluster/process/backoff.h"
#include "cluster/transport/trainer_link.h"

#include <array>
#include <functional>
#include <string>

namespace dagan {

// Serves until the gang is over and the trainer has sent "end" or died. `on_control` receives all
// other messages.
inline void serve_gang(cluster::AgentLink& link, cluster::GangReducer& reducer,
                       const std::function<void(const std::string&)>& on_control = {}) {
    cluster::Backoff backoff;
    bool ended = false;
    while (!ended || !reducer.over()) {
        bool active = reducer.transferring();
        while (!ended) {
            const auto message = link.receive();
            if (!message) break;
            active = true;
            if (const auto* request = std::get_if<cluster::ReduceRequest>(&*message)) {
                reducer.reduce(*request);
            } else if (std::get<std::string>(*message) == "end") {
                reducer.finish();
                ended = true;
            } else if (on_control) {
                on_control(std::get<std::string>(*message));
            }
        }
        if (const auto answer = reducer.poll()) {
            link.answer(*answer);
            active = true;
        }
        if (!ended && link.closed()) {
            reducer.fail();
            ended = true;
        }
        if (active) backoff.on_activity();
        if (ended) {
            backoff.pause({});
        } else {
            backoff.pause(std::array{cluster::Watch{link.fd(), link.unsent_bytes() > 0}});
        }
    }
}

} // namespace dagan
