"""What is set up: where, under which names, for which events."""

from dataclasses import dataclass

from newsletter.provision.ses.calls import Aws
from newsletter.provision.ses.wanted import AwsPlace, Names


@dataclass(frozen=True, slots=True)
class SesTarget:
    """All that the comparisons of single things need to know."""

    aws: Aws
    place: AwsPlace
    names: Names
    event_types: tuple[str, ...]
    is_queue_known: bool = True  # the settings name it

    @property
    def topic_arn(self) -> str:
        return self.place.arn("sns", self.names.topic)

    @property
    def queue_arn(self) -> str:
        return self.place.arn("sqs", self.names.queue)

    @property
    def dead_letters_arn(self) -> str:
        return self.place.arn("sqs", self.names.dead_letters)

    @property
    def configuration_set_arn(self) -> str:
        return self.place.arn("ses", f"configuration-set/{self.names.configuration_set}")
