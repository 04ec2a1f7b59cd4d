"""Which help page belongs to which part of the console.

A widget's topic is its property `help_topic`, else that of its class in `TOPICS`; a widget without one has
that of the nearest of its parents that has one.
"""

from __future__ import annotations

from PySide6.QtWidgets import QAbstractItemView, QApplication, QStackedWidget, QWidget

from app.help.library import FIRST

PROPERTY = "help_topic"

TOPICS: dict[str, str] = {
    "home.manager.HomeManager": "home",
    "home.side.SidePane": "home",
    # XOsoft Manager
    "xosoft.manager.XOsoftManager": "xosoft-manager",
    "xosoft.directories.DirectoriesTab": "root-directories",
    "xosoft.properties.PropertiesTab": "scenario-properties",
    "xosoft.statistics.StatisticsTab": "scenario-statistics",
    "xosoft.events_pane.EventsPane": "events",
    "xosoft.run_dialog.RunDialog": "run-a-scenario",
    "xosoft.suspend_dialog.SuspendDialog": "suspend-and-resume",
    "xosoft.brake_dialog.BrakeDialog": "safety-brake",
    "xosoft.difference_dialog.DifferenceDialog": "difference-report",
    "xosoft.delete_dialog.DeleteScenarioDialog": "delete-a-scenario",
    "xosoft.discovery_dialog.DiscoveryDialog": "discover-scenarios",
    "xosoft.server_dialog.UpdateServerDialog": "backup-server-of-a-scenario",
    "xosoft.together.StopGroupDialog": "xosoft-manager",
    "xosoft.edit_dialog.EditScenarioDialog": "xosoft-manager",
    "xosoft.template_dialog.TemplateDialog": "scenario-templates",
    "xosoft.bandwidth_dialog.BandwidthDialog": "bandwidth",
    # wizards
    "wizards.new_scenario.NewScenarioWizard": "new-scenario-wizard",
    "wizards.welcome_page.WelcomePage": "new-scenario-wizard#create-a-scenario",
    "wizards.type_page.TypePage": "new-scenario-wizard#select-server-and-product-type",
    "wizards.hosts_page.HostsPage": "new-scenario-wizard#choose-the-master-and-replica-hosts",
    "wizards.engines_page.EnginesPage": "new-scenario-wizard#verify-the-hosts",
    "wizards.roots_page.RootsPage": "new-scenario-wizard#choose-what-to-replicate",
    "wizards.replica_page.ReplicaPage": "new-scenario-wizard#choose-where-each-directory-is-kept",
    "wizards.properties_page.PropertiesPage": "new-scenario-wizard#set-the-properties",
    "wizards.verification_page.VerificationPage": "new-scenario-wizard#verify-the-scenario",
    "wizards.run_page.RunPage": "new-scenario-wizard#the-scenario-is-ready",
    "wizards.restore_data.RestoreDataWizard": "restore-data-wizard",
    "wizards.restore_page.ReplicaPage": "restore-data-wizard#from-which-replica",
    "wizards.restore_page.MethodPage": "restore-data-wizard#what-to-bring-back",
    "wizards.restore_point_page.PointPage": "restore-data-wizard#choose-the-moment-to-go-back-to",
    "wizards.restore_scope_page.ScopePage": "restore-data-wizard#what-is-restored-and-where-to",
    "wizards.restore_preview_page.PreviewPage": "restore-data-wizard#what-changes",
    "wizards.restore_result_page.ResultPage": "restore-data-wizard#result",
    # Backup Manager
    "backup.manager.BackupManager": "backup-manager",
    "backup.start_tab.StartTab": "backup-manager",
    "backup.source_tab.SourceTab": "backup-source",
    "backup.staging_tab.StagingTab": "staging",
    "backup.staging_dialog.StagingDialog": "staging",
    "backup.destination_tab.DestinationTab": "backup-destination",
    "backup.schedule_tab.ScheduleTab": "backup-schedule",
    "dialogs.backup_options.BackupOptionsDialog": "backup-options",
    "dialogs.backup_media_page.BackupMediaPage": "backup-options#backup-media",
    "dialogs.backup_encryption_page.BackupEncryptionPage": "backup-options#encryption-and-compression",
    "dialogs.security_and_agent.SecurityDialog": "security-and-agent-information",
    "dialogs.submit_job.SubmitJobDialog": "submit-job",
    "dialogs.keep_draft.KeepDraftDialog": "backup-manager",
    # Restore Manager
    "restore.manager.RestoreManager": "restore-manager",
    "restore.source_tab.SourceTab": "restore-source",
    "restore.query_pane.QueryPane": "find-a-file",
    "restore.time_pane.TimePane": "restore-by-time",
    "restore.versions_pane.VersionsPane": "versions-of-a-file",
    "restore.first_steps_pane.FirstStepsPane": "server-lost",
    "restore.destination_pane.DestinationPane": "restore-destination",
    "restore.basket_strip.BasketDialog": "restore-source",
    "restore.saved_queries.SaveQueryDialog": "find-a-file",
    "restore.preview_dialog.PreviewDialog": "versions-of-a-file",
    "restore.preview_dialog.CompareDialog": "versions-of-a-file",
    "restore.folder_dialog.CompareFoldersDialog": "versions-of-a-file",
    "dialogs.restore_options.RestoreOptionsDialog": "restore-options",
    "dialogs.restore_owners.RestoreOwnersDialog": "restore-plan#owners",
    "dialogs.restore_plan.RestorePlanDialog": "restore-plan",
    "dialogs.restore_login.RestoreLoginDialog": "restore-plan",
    "dialogs.restore_sessions.RestoreSessionsDialog": "session-passwords",
    # Job Status
    "job_status.manager.JobStatusManager": "job-status",
    "job_status.queue_pane.JobQueuePane": "job-queue",
    "job_status.log_pane.ActivityLogPane": "activity-log",
    "job_status.log_details.LogDetails": "activity-log",
    "job_status.upcoming_pane.UpcomingPane": "next-24-hours",
    "job_status.monitor_window.MonitorWindow": "job-queue",
    "job_status.job_detail.JobDetailDialog": "job-details",
    "job_status.reschedule.RescheduleDialog": "job-queue",
    "job_status.job_password.JobPasswordDialog": "session-passwords",
    "job_status.purge_log.PurgeLogDialog": "activity-log",
    "job_status.undo_dialog.UndoDialog": "undo-a-restore",
    "job_status.replicate_back.ReplicateBackDialog": "replicate-back",
    # alerts
    "alerts.manager.AlertsManager": "alerts",
    "alerts.target_dialog.TargetDialog": "alerts",
    # devices and media
    "media.manager.MediaManager": "devices-and-media",
    "media.device_dialogs.NewDeviceDialog": "devices-and-groups",
    "media.device_dialogs.NewGroupDialog": "devices-and-groups",
    "media.device_dialogs.MoveDeviceDialog": "devices-and-groups",
    "media.device_dialogs.RemoveDeviceDialog": "devices-and-groups",
    "media.set_dialogs.FormatDialog": "format-and-erase",
    "media.set_dialogs.EraseDialog": "format-and-erase",
    "media.set_dialogs.ForgetDialog": "format-and-erase",
    "media.set_dialogs.RenameDialog": "devices-and-media",
    "media.set_dialogs.ExpireDialog": "expire-and-retire",
    "media.set_dialogs.RetireDialog": "expire-and-retire",
    "media.removal_dialogs.PurgeDialog": "purge-sessions",
    "media.removal_dialogs.PruneDialog": "purge-sessions",
    "media.utility_dialogs.MergeDialog": "merge-sessions",
    "media.utility_dialogs.CompareDialog": "verify-media",
    "media.utility_dialogs.CopyDialog": "copy-sessions",
    "media.assure_dialog.AssureDialog": "verify-media",
    "media.damage_dialog.DamageDialog": "damaged-media",
    "media.keys_dialog.KeysDialog": "session-passwords",
    "media.key_dialogs.ChangeKeyDialog": "session-passwords",
    "media.key_dialogs.AddKeyDialog": "session-passwords",
    "media.key_dialogs.NewKitDialog": "recovery-kit",
    "media.key_dialogs.TestKitDialog": "recovery-kit",
    "media.key_dialogs.RemoveKeyDialog": "session-passwords",
    "media.key_dialogs.KitDialog": "recovery-kit",
    "media.pools_manager.PoolsManager": "media-pools",
    "media.pool_dialogs.PoolDialog": "media-pools",
    "media.pool_dialogs.RemovePoolDialog": "media-pools",
    "media.pool_dialogs.ScratchDialog": "media-pools",
    "media.pool_dialogs.AssignDialog": "media-pools",
    # hosts, and what belongs to no manager
    "hosts.manager.HostsManager": "hosts",
    "hosts.host_dialog.HostDialog": "add-a-host",
    "dialogs.first_start.FirstStartDialog": "first-start",
    "dialogs.take_over.TakeOverDialog": "server-lost",
    "dialogs.message_details.MessageDetailsDialog": "codes",
    "dialogs.message_details.FaultReportDialog": "fault-in-arcxo",
    "dialogs.keys.KeysDialog": "keys",
    "help.window.HelpWindow": "help",
}
"""`<module below app.ui>.<class>` → topic. The tests hold it complete: each manager and dialog is in it."""

_PREFIX = "app.ui."


def set_topic(widget: QWidget, topic: str) -> None:
    """Give one widget a page of its own."""
    widget.setProperty(PROPERTY, topic)


def own_topic(widget: QWidget) -> str:
    """The page of this very widget; "" when it has none."""
    given = widget.property(PROPERTY)
    if isinstance(given, str) and given:
        return given
    for kind in type(widget).__mro__:
        if kind.__module__.startswith(_PREFIX):
            topic = TOPICS.get(f"{kind.__module__.removeprefix(_PREFIX)}.{kind.__name__}")
            if topic:
                return topic
    return ""


def topic_of(widget: QWidget | None) -> str:
    """The page for what has the focus: of the widget, of the page in front around it, or of a parent."""
    above = widget
    while above is not None:
        topic = own_topic(above)
        if topic or above.isWindow():
            # The focus is outside of the pages (on a tab, on Next): the page in front is what is meant.
            front = _front(above)
            if front or topic:
                return front or topic
        above = above.parentWidget()
    return FIRST


def _front(widget: QWidget) -> str:
    """The topic of the page in front of `widget`; "" when it has no pages with a topic."""
    for stack in widget.findChildren(QStackedWidget):
        page = stack.currentWidget()
        if isinstance(page, QAbstractItemView):
            continue  # its topic is that of the row in it
        if page is not None and stack.isVisibleTo(widget) and (topic := own_topic(page)):
            focus = QApplication.focusWidget()
            pane = focus is not None and widget.isAncestorOf(focus) and _beside(focus, stack, widget)
            if not pane:
                return _front(page) or topic
    return ""


def _beside(focus: QWidget, stack: QStackedWidget, widget: QWidget) -> bool:
    """Whether the focus is in a pane beside the pages rather than in what belongs to them."""
    above: QWidget | None = focus
    while above is not None and above is not widget:
        if isinstance(above, QAbstractItemView) and not stack.isAncestorOf(above):
            return True
        above = above.parentWidget()
    return False
